CREATE SCHEMA "User Table";
CREATE TABLE "User Table"."select" ("ID; DROP" integer, "q""uo'te" integer, "back\slash" text, PRIMARY KEY ("ID; DROP", "q""uo'te"));
INSERT INTO "User Table"."select" SELECT i, i, 'a\' || i FROM generate_series(1, 50) AS i;
