-- Users of each day by what they touched most on it: their favourite category of the weeks before, another, or a new one.
WITH touched AS (
  SELECT events.event_date AS day, events.user_id, COALESCE(items.category, 'none') AS category, COUNT(*) AS events
  FROM events
  LEFT JOIN items ON items.item_id = events.item_id AND items.snapshot_date = @items_snapshot_date
  WHERE events.event_date >= DATE_SUB(@first_day, INTERVAL @taste_days DAY)
    AND events.event_date <= @last_day
    AND DATE_DIFF(events.arrival_date, events.event_date, DAY) <= 1
  GROUP BY events.event_date, events.user_id, COALESCE(items.category, 'none')
),
favourites AS (
  SELECT day, user_id, category
  FROM touched
  WHERE day >= @first_day
  QUALIFY ROW_NUMBER() OVER (PARTITION BY day, user_id ORDER BY events DESC, category) = 1
),
earlier AS (
  SELECT favourites.day, favourites.user_id, touched.category, SUM(touched.events) AS events
  FROM favourites
  INNER JOIN touched
    ON touched.user_id = favourites.user_id
    AND touched.day < favourites.day
    AND DATE_DIFF(favourites.day, touched.day, DAY) <= @taste_days
  GROUP BY favourites.day, favourites.user_id, touched.category
),
placed AS (
  SELECT
    day,
    user_id,
    category,
    ROW_NUMBER() OVER (PARTITION BY day, user_id ORDER BY events DESC, category) AS place
  FROM earlier
),
known AS (
  SELECT day, user_id
  FROM earlier
  GROUP BY day, user_id
)
SELECT
  favourites.day,
  'taste' AS name,
  CASE
    WHEN placed.place = 1 THEN 'favourite'
    WHEN placed.place IS NOT NULL THEN 'touched before'
    WHEN known.user_id IS NOT NULL THEN 'new to the user'
    ELSE 'new user'
  END AS bin,
  COUNT(*) AS count
FROM favourites
LEFT JOIN known ON known.day = favourites.day AND known.user_id = favourites.user_id
LEFT JOIN placed
  ON placed.day = favourites.day AND placed.user_id = favourites.user_id AND placed.category = favourites.category
GROUP BY favourites.day, bin
ORDER BY favourites.day, bin
