-- The accepted events that arrived on as_of_date. Readmitted rows are left out: a person has judged them already.
SELECT events.row_id, events.event_date, events.arrival_date, events.user_id, events.item_id, events.event_type,
  events.occurred_at, events.value
FROM events
LEFT JOIN readmissions ON readmissions.row_id = events.row_id
WHERE events.arrival_date = @as_of_date
  AND events.event_date >= @first_date
  AND events.event_date < @as_of_date
  AND readmissions.row_id IS NULL
