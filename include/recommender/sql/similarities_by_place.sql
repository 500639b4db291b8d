-- The stored neighbours of a method, each item by its place among the item_stats of the date, by id from 0.
WITH places AS (
  SELECT item_id, ROW_NUMBER() OVER (ORDER BY item_id) - 1 AS place
  FROM item_stats
  WHERE as_of_date = @as_of_date
)
SELECT own.place AS item, other.place AS similar_item, item_similarities.score_micros
FROM item_similarities
INNER JOIN places AS own ON own.item_id = item_similarities.item_id
INNER JOIN places AS other ON other.item_id = item_similarities.similar_item_id
WHERE item_similarities.as_of_date = @as_of_date
  AND item_similarities.method = @method
