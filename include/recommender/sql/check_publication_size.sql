-- How much each table of a publication holds; items are those it shows.
SELECT 'user_recommendations' AS table_name, COUNT(*) AS places, COUNT(DISTINCT item_id) AS items
FROM user_recommendations
WHERE publication_id = @publication_id
UNION ALL
SELECT 'popular_items', COUNT(*), COUNT(DISTINCT item_id)
FROM popular_items
WHERE publication_id = @publication_id
UNION ALL
SELECT 'similar_items', COUNT(*), COUNT(DISTINCT similar_item_id)
FROM similar_items
WHERE publication_id = @publication_id
