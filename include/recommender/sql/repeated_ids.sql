-- Within a delivery, a row that shares its key with another user, item or type of its date is no copy: it is refused.
-- By its delivery alone, so that a rebuild which reads other deliveries beside it says the same.
WITH shared AS (
  SELECT arrival_date, event_date, event_key, MIN(row_id) AS first_row_id
  FROM classified_events
  WHERE broken_rule IS NULL
  GROUP BY arrival_date, event_date, event_key
  HAVING MIN(user_id) <> MAX(user_id) OR MIN(item_id) <> MAX(item_id) OR MIN(event_type) <> MAX(event_type)
),
firsts AS (
  SELECT shared.arrival_date, shared.event_date, shared.event_key, first.user_id, first.item_id, first.event_type
  FROM shared
  INNER JOIN classified_events AS first ON first.row_id = shared.first_row_id
)
SELECT
  landed.* EXCEPT (broken_rule),
  CASE
    WHEN landed.broken_rule IS NULL
      AND (landed.user_id <> firsts.user_id OR landed.item_id <> firsts.item_id OR landed.event_type <> firsts.event_type)
    THEN 'event_id_repeated'
    ELSE landed.broken_rule
  END AS broken_rule
FROM classified_events AS landed
LEFT JOIN firsts
  ON firsts.arrival_date = landed.arrival_date
  AND firsts.event_date = landed.event_date
  AND firsts.event_key = landed.event_key
