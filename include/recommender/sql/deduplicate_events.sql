-- The events of the dates being rebuilt: rows that broke no rule, the first arrival of each event.
SELECT event_date, arrival_date, row_id, event_id, user_id, item_id, event_type, occurred_at, value
FROM classified_events
WHERE broken_rule IS NULL AND event_date IN UNNEST(@event_dates)
QUALIFY ROW_NUMBER() OVER (PARTITION BY event_date, event_key ORDER BY arrival_date, row_id) = 1
