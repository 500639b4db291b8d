-- The lists of each surface: how many a model made, in how many of those its scores differ, and the list for everybody.
WITH per_list AS (
  SELECT
    surface,
    user_id,
    COUNT(DISTINCT score) AS scores,
    COUNTIF(model_version IS NOT NULL AND NOT STARTS_WITH(model_version, 'baseline')) AS ranked,
    COUNT(*) AS places
  FROM user_recommendations
  WHERE publication_id = @publication_id
  GROUP BY surface, user_id
)
SELECT
  surface,
  COUNT(*) AS lists,
  COUNTIF(ranked = places AND places > 1) AS ranked_lists,
  COUNTIF(ranked = places AND places > 1 AND scores > 1) AS varied_lists,
  COUNTIF(user_id = '*') AS lists_for_everybody
FROM per_list
GROUP BY surface
ORDER BY surface
