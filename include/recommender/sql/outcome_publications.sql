-- In which publications and on which surfaces some users had a ranker's list and others were held back from it.
SELECT publication_id, surface
FROM user_recommendations
WHERE publication_id IN UNNEST(@publication_ids) AND rank = 1 AND arm IS NOT NULL
GROUP BY publication_id, surface
HAVING COUNT(DISTINCT arm) > 1
ORDER BY publication_id, surface
