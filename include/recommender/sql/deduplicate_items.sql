-- The catalogue of each snapshot: rows that broke no rule, once per item.
SELECT snapshot_date, item_id, category, title, created_at, is_active
FROM classified_items
WHERE broken_rule IS NULL AND NOT repeated
