-- The catalogue of each snapshot: of the rows that broke no rule, the first copy of each item.
SELECT snapshot_date, item_id, category, title, created_at, is_active
FROM classified_items
WHERE broken_rule IS NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY snapshot_date, item_id ORDER BY copy) = 1
