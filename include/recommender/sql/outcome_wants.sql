-- What users wanted in the windows of publications, with its place in the list they had; NULL where it was not in it.
-- As the offline scorer counts: on surfaces that show new items only, what a user touched before as_of_date is taken out
-- of what they wanted and of their list, which closes up; who has no list of their own has the list for everybody.
WITH wanted AS (
  SELECT DISTINCT credit_windows.publication_id, credit_windows.as_of_date, events.user_id, events.item_id
  FROM credit_windows
  INNER JOIN events
    ON events.occurred_at >= credit_windows.started_at AND events.occurred_at < credit_windows.ended_at
  WHERE events.event_date >= @first_date
    AND events.event_date < @computed_for
    AND events.arrival_date <= @computed_for
    AND (@all_positive OR events.event_type IN UNNEST(@positive_event_types))
),
first_touch AS (
  SELECT events.user_id, events.item_id, MIN(events.event_date) AS first_date
  FROM events
  INNER JOIN (SELECT DISTINCT user_id FROM wanted) AS active ON active.user_id = events.user_id
  WHERE events.event_date < @computed_for AND events.arrival_date <= @computed_for
  GROUP BY events.user_id, events.item_id
),
lists AS (
  SELECT publication_id, surface, user_id, rank, item_id, arm, model_version
  FROM user_recommendations
  WHERE publication_id IN UNNEST(@publication_ids)
),
owners AS (
  SELECT publication_id, surface, user_id, arm, model_version
  FROM lists
  WHERE rank = 1
),
everybody AS (
  SELECT publication_id, surface, model_version
  FROM owners
  WHERE user_id = '*'
),
readers AS (
  SELECT
    active.publication_id,
    active.as_of_date,
    everybody.surface,
    active.user_id,
    COALESCE(owners.user_id, '*') AS list_user_id,
    owners.arm,
    COALESCE(owners.model_version, everybody.model_version) AS model_version
  FROM (SELECT DISTINCT publication_id, as_of_date, user_id FROM wanted) AS active
  INNER JOIN everybody ON everybody.publication_id = active.publication_id
  LEFT JOIN owners
    ON owners.publication_id = active.publication_id
    AND owners.surface = everybody.surface
    AND owners.user_id = active.user_id
),
places AS (
  SELECT
    readers.publication_id,
    readers.surface,
    readers.user_id,
    lists.item_id,
    lists.rank,
    ROW_NUMBER() OVER (
      PARTITION BY readers.publication_id, readers.surface, readers.user_id ORDER BY lists.rank
    ) AS place
  FROM readers
  INNER JOIN lists
    ON lists.publication_id = readers.publication_id
    AND lists.surface = readers.surface
    AND lists.user_id = readers.list_user_id
  LEFT JOIN first_touch
    ON first_touch.user_id = readers.user_id
    AND first_touch.item_id = lists.item_id
    AND first_touch.first_date < readers.as_of_date
    AND readers.surface IN UNNEST(@surfaces_without_repeats)
  WHERE first_touch.item_id IS NULL
)
SELECT
  readers.publication_id,
  readers.surface,
  readers.user_id,
  readers.arm,
  readers.model_version,
  readers.list_user_id,
  wanted.item_id,
  places.place,
  places.rank
FROM readers
INNER JOIN wanted ON wanted.publication_id = readers.publication_id AND wanted.user_id = readers.user_id
LEFT JOIN first_touch
  ON first_touch.user_id = readers.user_id
  AND first_touch.item_id = wanted.item_id
  AND first_touch.first_date < readers.as_of_date
  AND readers.surface IN UNNEST(@surfaces_without_repeats)
LEFT JOIN places
  ON places.publication_id = readers.publication_id
  AND places.surface = readers.surface
  AND places.user_id = readers.user_id
  AND places.item_id = wanted.item_id
WHERE first_touch.item_id IS NULL
ORDER BY readers.publication_id, readers.surface, readers.user_id, wanted.item_id
