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
wants AS (
  SELECT
    readers.publication_id,
    readers.as_of_date,
    readers.surface,
    readers.user_id,
    readers.arm,
    readers.model_version,
    readers.list_user_id,
    wanted.item_id
  FROM readers
  INNER JOIN wanted ON wanted.publication_id = readers.publication_id AND wanted.user_id = readers.user_id
  LEFT JOIN first_touch
    ON first_touch.user_id = readers.user_id
    AND first_touch.item_id = wanted.item_id
    AND first_touch.first_date < readers.as_of_date
    AND readers.surface IN UNNEST(@surfaces_without_repeats)
  WHERE first_touch.item_id IS NULL
),
hits AS (
  SELECT
    wants.publication_id,
    wants.as_of_date,
    wants.surface,
    wants.user_id,
    wants.list_user_id,
    wants.item_id,
    lists.rank
  FROM wants
  INNER JOIN lists
    ON lists.publication_id = wants.publication_id
    AND lists.surface = wants.surface
    AND lists.user_id = wants.list_user_id
    AND lists.item_id = wants.item_id
),
-- Only lists in which something was wanted need to be closed up. Grouped, so that no engine joins by item alone first.
hit_lists AS (
  SELECT hit.publication_id, hit.as_of_date, hit.surface, hit.user_id, lists.item_id, MIN(lists.rank) AS rank
  FROM (SELECT DISTINCT publication_id, as_of_date, surface, user_id, list_user_id FROM hits) AS hit
  INNER JOIN lists
    ON lists.publication_id = hit.publication_id
    AND lists.surface = hit.surface
    AND lists.user_id = hit.list_user_id
  WHERE hit.surface IN UNNEST(@surfaces_without_repeats)
  GROUP BY hit.publication_id, hit.as_of_date, hit.surface, hit.user_id, lists.item_id
),
taken_out AS (
  SELECT hit_lists.publication_id, hit_lists.surface, hit_lists.user_id, hit_lists.rank
  FROM hit_lists
  INNER JOIN first_touch
    ON first_touch.user_id = hit_lists.user_id
    AND first_touch.item_id = hit_lists.item_id
    AND first_touch.first_date < hit_lists.as_of_date
),
places AS (
  SELECT
    hits.publication_id,
    hits.surface,
    hits.user_id,
    hits.item_id,
    hits.rank,
    hits.rank - COUNT(taken_out.rank) AS place
  FROM hits
  LEFT JOIN taken_out
    ON taken_out.publication_id = hits.publication_id
    AND taken_out.surface = hits.surface
    AND taken_out.user_id = hits.user_id
    AND taken_out.rank < hits.rank
  GROUP BY hits.publication_id, hits.surface, hits.user_id, hits.item_id, hits.rank
)
SELECT
  wants.publication_id,
  wants.surface,
  wants.user_id,
  wants.arm,
  wants.model_version,
  wants.list_user_id,
  wants.item_id,
  places.place,
  places.rank
FROM wants
LEFT JOIN places
  ON places.publication_id = wants.publication_id
  AND places.surface = wants.surface
  AND places.user_id = wants.user_id
  AND places.item_id = wants.item_id
ORDER BY wants.publication_id, wants.surface, wants.user_id, wants.item_id
