 ; ;; -- nothing
