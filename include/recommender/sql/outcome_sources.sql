-- Which sources proposed the rows of a publication's lists that users wanted.
SELECT
  user_recommendations.surface,
  user_recommendations.user_id AS list_user_id,
  user_recommendations.rank,
  user_recommendations.sources
FROM user_recommendations
INNER JOIN hits
  ON hits.surface = user_recommendations.surface
  AND hits.list_user_id = user_recommendations.user_id
  AND hits.rank = user_recommendations.rank
WHERE user_recommendations.publication_id = @publication_id
ORDER BY user_recommendations.surface, user_recommendations.user_id, user_recommendations.rank
