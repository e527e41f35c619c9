-- lead;
select 1 /* in; */ + 2; -- tail;