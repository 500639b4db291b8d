-- The stored pairs of a date, with no more than similarities look at.
SELECT user_id, item_id, first_date, last_date, events
FROM user_items
WHERE as_of_date = @as_of_date
