-- Which sources proposed the rows of published lists that users wanted.
SELECT
  user_recommendations.publication_id,
  user_recommendations.surface,
  user_recommendations.user_id AS list_user_id,
  user_recommendations.rank,
  user_recommendations.sources
FROM user_recommendations
INNER JOIN hits
  ON hits.publication_id = user_recommendations.publication_id
  AND hits.surface = user_recommendations.surface
  AND hits.list_user_id = user_recommendations.user_id
  AND hits.rank = user_recommendations.rank
WHERE user_recommendations.publication_id IN UNNEST(@publication_ids)
ORDER BY
  user_recommendations.publication_id, user_recommendations.surface, user_recommendations.user_id,
  user_recommendations.rank
