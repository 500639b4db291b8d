-- How many users were in each arm of a surface in all of these publications, which assigned users in the same way.
SELECT arm, COUNT(DISTINCT user_id) AS users
FROM user_recommendations
WHERE publication_id IN UNNEST(@publication_ids) AND surface = @surface AND rank = 1 AND arm IS NOT NULL
GROUP BY arm
ORDER BY arm
