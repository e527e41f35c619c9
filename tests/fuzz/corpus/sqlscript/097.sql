SELECT 1 -- secret
  , /* secret */
	2