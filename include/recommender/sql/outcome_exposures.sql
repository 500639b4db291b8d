-- How often each user was shown something at each position on a day, and wanted it on that day after that. What a user
-- wanted is credited to the last time it was shown before. Who had no list of their own has neither arm nor model_version.
WITH shown AS (
  SELECT row_id, publication_id, surface, user_id, item_id, position, shown_at
  FROM exposures
  WHERE publication_id IN UNNEST(@publication_ids)
    AND shown_date = @day
    AND shown_date < @computed_for
    AND arrival_date > @day
    AND arrival_date <= @computed_for
  QUALIFY ROW_NUMBER() OVER (PARTITION BY row_id ORDER BY arrival_date) = 1
),
followed AS (
  SELECT shown.row_id
  FROM shown
  INNER JOIN events
    ON events.user_id = shown.user_id
    AND events.item_id = shown.item_id
    AND events.occurred_at >= shown.shown_at
  WHERE events.event_date = @day
    AND events.arrival_date <= @computed_for
    AND (@all_positive OR events.event_type IN UNNEST(@positive_event_types))
  QUALIFY ROW_NUMBER() OVER (PARTITION BY events.row_id ORDER BY shown.shown_at DESC, shown.row_id) = 1
),
clicked AS (
  SELECT DISTINCT row_id
  FROM followed
),
owners AS (
  SELECT publication_id, surface, user_id, arm, model_version
  FROM user_recommendations
  WHERE publication_id IN UNNEST(@publication_ids) AND rank = 1
)
SELECT
  shown.publication_id,
  shown.surface,
  shown.user_id,
  owners.arm,
  owners.model_version,
  shown.position,
  COUNT(*) AS shown,
  COUNT(clicked.row_id) AS clicked
FROM shown
LEFT JOIN clicked ON clicked.row_id = shown.row_id
LEFT JOIN owners
  ON owners.publication_id = shown.publication_id
  AND owners.surface = shown.surface
  AND owners.user_id = shown.user_id
GROUP BY shown.publication_id, shown.surface, shown.user_id, owners.arm, owners.model_version, shown.position
ORDER BY shown.publication_id, shown.surface, shown.user_id, shown.position
