-- How many users were in each arm of each surface in all of these publications; who changed arms is in none.
WITH per_user AS (
  SELECT surface, user_id, MIN(arm) AS arm, MAX(arm) AS other_arm
  FROM user_recommendations
  WHERE publication_id IN UNNEST(@publication_ids) AND surface = @surface AND rank = 1 AND arm IS NOT NULL
  GROUP BY surface, user_id
)
SELECT arm, COUNT(*) AS users
FROM per_user
WHERE arm = other_arm
GROUP BY arm
ORDER BY arm
