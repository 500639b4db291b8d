-- Scores of each ranker in a publication, by halves: those of different models cannot be compared, so each has its name.
WITH placed AS (
  SELECT
    CONCAT(surface, ' ', model_version) AS name,
    CASE
      WHEN score < -5 THEN -10
      WHEN score > 5 THEN 10
      ELSE CAST(ROUND(score * 2) AS INT64)
    END AS halves
  FROM user_recommendations
  WHERE publication_id = @publication_id
    AND user_id <> '*'
    AND model_version IS NOT NULL
    AND NOT STARTS_WITH(model_version, 'baseline')
)
SELECT @as_of_date AS day, name, CAST(halves AS STRING) AS bin, COUNT(*) AS count
FROM placed
GROUP BY name, halves
ORDER BY name, halves
