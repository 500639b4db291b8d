-- What the lists of a publication are made of: sources, categories, and how well known their items are (novelty in bits).
WITH audience AS (
  SELECT COUNT(*) AS users
  FROM user_stats
  WHERE as_of_date = @as_of_date AND events_28d > 0
),
places AS (
  SELECT
    lists.surface,
    COALESCE(item_stats.category, 'none') AS category,
    SAFE_DIVIDE(item_stats.users_28d, audience.users) AS share
  FROM user_recommendations AS lists
  CROSS JOIN audience
  LEFT JOIN item_stats ON item_stats.item_id = lists.item_id AND item_stats.as_of_date = @as_of_date
  WHERE lists.publication_id = @publication_id AND lists.user_id <> '*'
),
proposed AS (
  SELECT lists.surface, source
  FROM user_recommendations AS lists
  CROSS JOIN UNNEST(lists.sources) AS source
  WHERE lists.publication_id = @publication_id AND lists.user_id <> '*'
),
binned AS (
  SELECT CONCAT('sources ', surface) AS name, source AS bin
  FROM proposed
  UNION ALL
  SELECT CONCAT('categories ', surface), category
  FROM places
  UNION ALL
  SELECT
    CONCAT('novelty ', surface),
    CASE
      WHEN share IS NULL THEN 'none'
      WHEN share > 0.5 THEN '0 to 1'
      WHEN share > 0.25 THEN '1 to 2'
      WHEN share > 0.125 THEN '2 to 3'
      WHEN share > 0.0625 THEN '3 to 4'
      WHEN share > 0.03125 THEN '4 to 5'
      WHEN share > 0.015625 THEN '5 to 6'
      WHEN share > 0.0078125 THEN '6 to 7'
      WHEN share > 0.00390625 THEN '7 to 8'
      WHEN share > 0.001953125 THEN '8 to 9'
      WHEN share > 0.0009765625 THEN '9 to 10'
      ELSE '10 and more'
    END
  FROM places
)
SELECT @as_of_date AS day, name, bin, COUNT(*) AS count
FROM binned
GROUP BY name, bin
ORDER BY name, bin
