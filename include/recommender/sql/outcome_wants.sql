-- Occasions of one publication: who wanted something in its windows, how much, and the place in their list of what was in
-- it; a row for each such item, or one with NULL where none was.
-- As the offline scorer counts: on surfaces that show new items only, what a user touched before as_of_date is taken out
-- of what they wanted and of their list, which closes up; who has no list of their own has the list for everybody, and
-- neither arm nor model_version: these are of people whose lists could have been made by the other arm.
WITH wanted AS (
  SELECT DISTINCT events.user_id, events.item_id
  FROM events
  INNER JOIN credit_windows
    ON events.occurred_at >= credit_windows.started_at AND events.occurred_at < credit_windows.ended_at
  WHERE events.event_date >= @as_of_date
    AND events.event_date < @computed_for
    AND events.event_date <= @last_date
    AND events.arrival_date <= @computed_for
    AND (@all_positive OR events.event_type IN UNNEST(@positive_event_types))
),
known_wants AS (
  SELECT DISTINCT wanted.user_id, wanted.item_id
  FROM wanted
  INNER JOIN events ON events.user_id = wanted.user_id AND events.item_id = wanted.item_id
  WHERE events.event_date < @as_of_date AND events.arrival_date <= @computed_for
),
owners AS (
  SELECT surface, user_id, arm, model_version
  FROM user_recommendations
  WHERE publication_id = @publication_id AND rank = 1
),
everybody AS (
  SELECT surface
  FROM owners
  WHERE user_id = '*'
),
readers AS (
  SELECT
    everybody.surface,
    active.user_id,
    COALESCE(owners.user_id, '*') AS list_user_id,
    owners.arm,
    owners.model_version
  FROM (SELECT DISTINCT user_id FROM wanted) AS active
  CROSS JOIN everybody
  LEFT JOIN owners ON owners.surface = everybody.surface AND owners.user_id = active.user_id
),
wants AS (
  SELECT
    readers.surface,
    readers.user_id,
    readers.arm,
    readers.model_version,
    readers.list_user_id,
    wanted.item_id
  FROM readers
  INNER JOIN wanted ON wanted.user_id = readers.user_id
  LEFT JOIN known_wants
    ON known_wants.user_id = readers.user_id
    AND known_wants.item_id = wanted.item_id
    AND readers.surface IN UNNEST(@surfaces_without_repeats)
  WHERE known_wants.item_id IS NULL
),
occasions AS (
  SELECT surface, user_id, arm, model_version, list_user_id, COUNT(*) AS wanted
  FROM wants
  GROUP BY surface, user_id, arm, model_version, list_user_id
),
hits AS (
  SELECT wants.surface, wants.user_id, wants.list_user_id, lists.rank
  FROM wants
  INNER JOIN user_recommendations AS lists
    ON lists.surface = wants.surface AND lists.user_id = wants.list_user_id AND lists.item_id = wants.item_id
  WHERE lists.publication_id = @publication_id
),
-- Only lists in which something was wanted need to be closed up. Grouped, so that no engine joins by item alone first.
hit_lists AS (
  SELECT hit.surface, hit.user_id, lists.item_id, MIN(lists.rank) AS rank
  FROM (SELECT DISTINCT surface, user_id, list_user_id FROM hits) AS hit
  INNER JOIN user_recommendations AS lists ON lists.surface = hit.surface AND lists.user_id = hit.list_user_id
  WHERE lists.publication_id = @publication_id AND hit.surface IN UNNEST(@surfaces_without_repeats)
  GROUP BY hit.surface, hit.user_id, lists.item_id
),
taken_out AS (
  SELECT DISTINCT hit_lists.surface, hit_lists.user_id, hit_lists.rank
  FROM hit_lists
  INNER JOIN events ON events.user_id = hit_lists.user_id AND events.item_id = hit_lists.item_id
  WHERE events.event_date < @as_of_date AND events.arrival_date <= @computed_for
),
places AS (
  SELECT hits.surface, hits.user_id, hits.rank, hits.rank - COUNT(taken_out.rank) AS place
  FROM hits
  LEFT JOIN taken_out
    ON taken_out.surface = hits.surface AND taken_out.user_id = hits.user_id AND taken_out.rank < hits.rank
  GROUP BY hits.surface, hits.user_id, hits.rank
)
SELECT
  occasions.surface,
  occasions.user_id,
  occasions.arm,
  occasions.model_version,
  occasions.list_user_id,
  occasions.wanted,
  places.place,
  places.rank
FROM occasions
LEFT JOIN places ON places.surface = occasions.surface AND places.user_id = occasions.user_id
ORDER BY occasions.surface, occasions.user_id, places.rank
