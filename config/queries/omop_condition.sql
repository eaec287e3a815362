-- Persons of an OMOP Common Data Model 5.4 with the first date of a condition (with its descendants), of death before it,
-- or of the end of observation, for data.patients (PostgreSQL, DuckDB).
-- Change: the concept below, and the schema of the tables where the search path has another (FROM cdm.person).
-- In the study file as for omop_death.sql, but: event: status, events: {1: NAME}, competing: {2: death}, censored: [0].
-- A person who had the condition before the first measurement has the event before the landmark, and leaves, counted.
SELECT
    CAST(p.person_id AS VARCHAR) AS person_id,
    CASE p.gender_concept_id WHEN 8507 THEN 'm' WHEN 8532 THEN 'f' END AS sex,
    CAST(p.year_of_birth AS VARCHAR)
    || '-' || LPAD(CAST(COALESCE(p.month_of_birth, 7) AS VARCHAR), 2, '0')
    || '-' || LPAD(
        CAST(COALESCE(p.day_of_birth, CASE WHEN p.month_of_birth IS NULL THEN 1 ELSE 15 END) AS VARCHAR), 2, '0'
    ) AS birth_date,
    COALESCE(c.first_date, d.death_date, o.last_date) AS end_date,
    CASE WHEN c.first_date IS NOT NULL THEN 1 WHEN d.person_id IS NOT NULL THEN 2 ELSE 0 END AS status
FROM person AS p
INNER JOIN (
    SELECT person_id, MAX(observation_period_end_date) AS last_date
    FROM observation_period
    GROUP BY person_id
) AS o ON o.person_id = p.person_id
LEFT JOIN (
    SELECT e.person_id, MIN(e.condition_start_date) AS first_date
    FROM condition_occurrence AS e
    INNER JOIN concept_ancestor AS a ON a.descendant_concept_id = e.condition_concept_id
    WHERE a.ancestor_concept_id IN (
        4064161  -- cirrhosis of liver
    )
    GROUP BY e.person_id
) AS c ON c.person_id = p.person_id
LEFT JOIN death AS d ON d.person_id = p.person_id
ORDER BY p.person_id
