-- What users wanted in a window of days: the labels of a snapshot, or of the holdout.
SELECT DISTINCT user_id, item_id
FROM events
WHERE event_date >= @first_date
  AND event_date < @end_date
  AND event_date < @as_of_date
  AND arrival_date <= @as_of_date
  AND (@all_positive OR event_type IN UNNEST(@positive_event_types))
ORDER BY user_id, item_id
