-- Of the event dates of readmitted rows those with rows that no rebuild has taken in yet.
SELECT DISTINCT readmissions.event_date
FROM readmissions
LEFT JOIN (SELECT row_id, event_date FROM events WHERE event_date IN UNNEST(@event_dates)) AS taken_in
  ON taken_in.row_id = readmissions.row_id AND taken_in.event_date = readmissions.event_date
WHERE taken_in.row_id IS NULL AND readmissions.event_date IN UNNEST(@event_dates)
ORDER BY readmissions.event_date
