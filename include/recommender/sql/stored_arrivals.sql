-- The deliveries that the stored events of some dates came with.
SELECT DISTINCT event_date, arrival_date
FROM events
WHERE event_date IN UNNEST(@event_dates)
ORDER BY event_date, arrival_date
