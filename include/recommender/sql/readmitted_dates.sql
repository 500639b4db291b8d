-- Event dates with readmitted rows that no rebuild has taken in yet.
SELECT DISTINCT readmissions.event_date
FROM readmissions
LEFT JOIN events ON events.row_id = readmissions.row_id AND events.event_date = readmissions.event_date
WHERE events.row_id IS NULL AND readmissions.event_date IS NOT NULL
ORDER BY readmissions.event_date
