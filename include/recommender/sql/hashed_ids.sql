-- How many events of some dates there are, and how many of them with a keyed hash for an id.
SELECT event_date, COUNT(*) AS events, COUNTIF(REGEXP_CONTAINS(user_id, @hashed_regex)) AS hashed
FROM events
WHERE event_date IN UNNEST(@event_dates)
GROUP BY event_date
ORDER BY event_date
