
 a
;