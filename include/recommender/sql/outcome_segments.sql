-- What was known of these readers when their lists were made: events, first day, and the category they like most.
WITH liked AS (
  SELECT
    user_items.user_id,
    COALESCE(item_stats.category, '') AS category,
    SUM(user_items.weight_medium_micros) AS weight_micros
  FROM user_items
  INNER JOIN readers ON readers.user_id = user_items.user_id
  INNER JOIN item_stats ON item_stats.item_id = user_items.item_id
  WHERE user_items.as_of_date = @as_of_date AND item_stats.as_of_date = @as_of_date
  GROUP BY user_items.user_id, COALESCE(item_stats.category, '')
),
favourites AS (
  SELECT user_id, category
  FROM liked
  WHERE weight_micros > 0
  QUALIFY ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY weight_micros DESC, category) = 1
)
SELECT
  user_stats.user_id,
  user_stats.events,
  DATE_DIFF(user_stats.as_of_date, user_stats.first_date, DAY) AS known_days,
  NULLIF(favourites.category, '') AS category
FROM user_stats
INNER JOIN readers ON readers.user_id = user_stats.user_id
LEFT JOIN favourites ON favourites.user_id = user_stats.user_id
WHERE user_stats.as_of_date = @as_of_date
ORDER BY user_stats.user_id
