-- Landed rows of as_of_date in quarantine: how many per source and reason, with a few of their ids.
SELECT source, reason, row_id, COUNT(*) OVER (PARTITION BY source, reason) AS quarantined
FROM quarantined_rows
WHERE arrival_date = @as_of_date
QUALIFY ROW_NUMBER() OVER (PARTITION BY source, reason ORDER BY row_id) <= @samples
ORDER BY source, reason, row_id
