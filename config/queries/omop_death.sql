-- Persons of an OMOP Common Data Model 5.4 with the date of death or of the end of observation, for data.patients
-- (PostgreSQL, DuckDB). Change: the schema of the tables where the search path has another (FROM cdm.person).
-- In the study file: patient: person_id, birth_date: birth_date; outcome: time: end_date, time_unit: date, event: died,
--   events: {1: death}, censored: [0], covariates: [age, sex].
-- A month or day of birth that is unknown is taken as the middle of the year or month.
SELECT
    CAST(p.person_id AS VARCHAR) AS person_id,
    CASE p.gender_concept_id WHEN 8507 THEN 'm' WHEN 8532 THEN 'f' END AS sex,
    CAST(p.year_of_birth AS VARCHAR)
    || '-' || LPAD(CAST(COALESCE(p.month_of_birth, 7) AS VARCHAR), 2, '0')
    || '-' || LPAD(
        CAST(COALESCE(p.day_of_birth, CASE WHEN p.month_of_birth IS NULL THEN 1 ELSE 15 END) AS VARCHAR), 2, '0'
    ) AS birth_date,
    COALESCE(d.death_date, o.last_date) AS end_date,
    CASE WHEN d.person_id IS NULL THEN 0 ELSE 1 END AS died
FROM person AS p
INNER JOIN (
    SELECT person_id, MAX(observation_period_end_date) AS last_date
    FROM observation_period
    GROUP BY person_id
) AS o ON o.person_id = p.person_id
LEFT JOIN death AS d ON d.person_id = p.person_id
ORDER BY p.person_id
