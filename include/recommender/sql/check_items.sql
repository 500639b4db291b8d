-- One snapshot of the catalogue.
SELECT item_id, category, is_active
FROM items
WHERE snapshot_date = @items_snapshot_date
ORDER BY item_id
