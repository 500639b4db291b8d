-- The stored pairs of a date, of the users from one id to another.
SELECT
  user_id,
  item_id,
  first_date,
  last_date,
  last_visit,
  first_visit,
  active_days,
  events,
  events_7d,
  events_28d,
  events_90d,
  other_events,
  weight_short_micros,
  weight_medium_micros,
  weight_micros,
  value_micros
FROM user_items
WHERE as_of_date = @as_of_date
  AND user_id >= @first_user
  AND user_id <= @last_user
