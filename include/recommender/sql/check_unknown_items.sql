-- How many events that arrived on as_of_date name an item that the catalogue does not hold.
WITH arrived AS (
  SELECT item_id, COUNT(*) AS events
  FROM events
  WHERE arrival_date = @as_of_date AND event_date >= @first_date AND event_date < @as_of_date
  GROUP BY item_id
),
catalogue AS (
  SELECT DISTINCT item_id
  FROM items
  WHERE snapshot_date = @items_snapshot_date
)
SELECT
  COALESCE(SUM(arrived.events), 0) AS events,
  COALESCE(SUM(IF(catalogue.item_id IS NULL, arrived.events, 0)), 0) AS unknown_item_events
FROM arrived
LEFT JOIN catalogue ON catalogue.item_id = arrived.item_id
