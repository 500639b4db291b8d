-- Events of each day that had arrived by the next one. Late rows are left out on both sides of the comparison.
SELECT event_date, COUNTIF(DATE_DIFF(arrival_date, event_date, DAY) = 1) AS on_time_events
FROM events
WHERE event_date >= @first_date
  AND event_date < @as_of_date
  AND arrival_date <= @as_of_date
GROUP BY event_date
ORDER BY event_date
