-- Rows of a staged publication that break a rule: the rule, how many rows or lists do, and a few of them.
WITH lists AS (
  SELECT surface, user_id, rank, item_id
  FROM user_recommendations
  WHERE publication_id = @publication_id
),
popular AS (
  SELECT segment, rank, item_id
  FROM popular_items
  WHERE publication_id = @publication_id
),
similar AS (
  SELECT item_id, rank, similar_item_id
  FROM similar_items
  WHERE publication_id = @publication_id
),
last_word AS (
  SELECT item_id, kind
  FROM blocked_items
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY item_id ORDER BY number DESC) = 1
),
blocked AS (
  SELECT item_id
  FROM last_word
  WHERE kind = 'block'
),
catalogue AS (
  SELECT item_id, is_active
  FROM items
  WHERE snapshot_date = @items_snapshot_date
),
recommendable AS (
  SELECT item_stats.item_id
  FROM item_stats
  LEFT JOIN blocked ON blocked.item_id = item_stats.item_id
  WHERE item_stats.as_of_date = @as_of_date AND item_stats.is_active AND item_stats.events > 0 AND blocked.item_id IS NULL
),
available AS (
  SELECT COUNT(*) AS items
  FROM recommendable
),
-- On surfaces that show new items only, a user's touched items cannot be shown.
touched AS (
  SELECT user_items.user_id, user_items.item_id, recommendable.item_id IS NOT NULL AS is_recommendable
  FROM user_items
  LEFT JOIN recommendable ON recommendable.item_id = user_items.item_id
  WHERE user_items.as_of_date = @as_of_date
),
touched_per_user AS (
  SELECT user_id, COUNTIF(is_recommendable) AS items
  FROM touched
  GROUP BY user_id
),
shown AS (
  SELECT item_id, COUNT(*) AS places
  FROM (
    SELECT item_id FROM lists
    UNION ALL
    SELECT item_id FROM popular
    UNION ALL
    SELECT similar_item_id AS item_id FROM similar
  )
  GROUP BY item_id
),
per_list AS (
  SELECT
    surface,
    user_id,
    COUNT(*) AS places,
    COUNT(DISTINCT item_id) AS items,
    COUNT(DISTINCT rank) AS ranks,
    MIN(rank) AS first_rank,
    MAX(rank) AS last_rank
  FROM lists
  GROUP BY surface, user_id
),
per_segment AS (
  SELECT segment, COUNT(*) AS places, COUNT(DISTINCT rank) AS ranks, MIN(rank) AS first_rank, MAX(rank) AS last_rank
  FROM popular
  GROUP BY segment
),
broken AS (
  SELECT 'lists.length_wrong' AS check_name, surface AS place, per_list.user_id, CAST(NULL AS STRING) AS item_id
  FROM per_list
  CROSS JOIN available
  LEFT JOIN touched_per_user
    ON touched_per_user.user_id = per_list.user_id AND per_list.surface IN UNNEST(@surfaces_without_repeats)
  WHERE places <> LEAST(@list_size, available.items - COALESCE(touched_per_user.items, 0))
  UNION ALL
  SELECT 'lists.ranks_with_holes', surface, user_id, CAST(NULL AS STRING)
  FROM per_list
  WHERE first_rank <> 1 OR last_rank <> places OR ranks <> places
  UNION ALL
  SELECT 'lists.item_repeated', surface, user_id, CAST(NULL AS STRING)
  FROM per_list
  WHERE items <> places
  UNION ALL
  SELECT 'lists.item_not_new', lists.surface, lists.user_id, lists.item_id
  FROM lists
  INNER JOIN touched ON touched.user_id = lists.user_id AND touched.item_id = lists.item_id
  WHERE lists.surface IN UNNEST(@surfaces_without_repeats)
  UNION ALL
  SELECT 'popular_items.ranks_with_holes', segment, CAST(NULL AS STRING), CAST(NULL AS STRING)
  FROM per_segment
  WHERE first_rank <> 1 OR last_rank <> places OR ranks <> places
  UNION ALL
  SELECT 'similar_items.item_like_itself', CAST(NULL AS STRING), CAST(NULL AS STRING), item_id
  FROM similar
  WHERE item_id = similar_item_id
  UNION ALL
  SELECT 'items.not_in_catalogue', CAST(NULL AS STRING), CAST(NULL AS STRING), shown.item_id
  FROM shown
  LEFT JOIN catalogue ON catalogue.item_id = shown.item_id
  WHERE catalogue.item_id IS NULL
  UNION ALL
  SELECT 'items.inactive', CAST(NULL AS STRING), CAST(NULL AS STRING), shown.item_id
  FROM shown
  INNER JOIN catalogue ON catalogue.item_id = shown.item_id
  WHERE NOT catalogue.is_active
  UNION ALL
  SELECT 'items.blocked', CAST(NULL AS STRING), CAST(NULL AS STRING), shown.item_id
  FROM shown
  INNER JOIN blocked ON blocked.item_id = shown.item_id
)
SELECT check_name, place, user_id, item_id, COUNT(*) OVER (PARTITION BY check_name) AS broken
FROM broken
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY check_name ORDER BY place, user_id, item_id) <= @samples
ORDER BY check_name, place, user_id, item_id
