-- What the training set of a surface holds, by snapshot.
SELECT
  snapshot_date,
  COUNT(*) AS pairs,
  COUNT(DISTINCT user_id) AS users,
  COUNTIF(label = 1) AS positives,
  COUNTIF(label IS NULL OR label NOT IN (0, 1)) AS bad_labels
FROM training_set
WHERE as_of_date = @as_of_date AND surface = @surface
GROUP BY snapshot_date
ORDER BY snapshot_date
