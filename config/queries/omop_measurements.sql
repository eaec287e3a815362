-- Measurements of an OMOP Common Data Model 5.4, a row for each value, for data.measurements (PostgreSQL, DuckDB).
-- Change: the concepts below, and the schema of the tables where the search path has another (FROM cdm.measurement).
-- In the study file: patient: person_id, time: measurement_date, time_unit: date,
--   layout: {parameter: concept, value: value, unit: unit}; markers.NAME.column is the concept in quotes ("3024128").
-- A value below a limit of detection reads as <5 (markers.NAME.below says what is made of it).
SELECT
    CAST(m.person_id AS VARCHAR) AS person_id,
    m.measurement_date,
    CAST(m.measurement_concept_id AS VARCHAR) AS concept,
    CASE m.operator_concept_id WHEN 4171756 THEN '<' ELSE '' END || CAST(m.value_as_number AS VARCHAR) AS value,
    COALESCE(u.concept_code, m.unit_source_value) AS unit
FROM measurement AS m
LEFT JOIN concept AS u ON u.concept_id = m.unit_concept_id AND m.unit_concept_id <> 0
WHERE
    m.value_as_number IS NOT NULL
    AND m.measurement_concept_id IN (
        3024128,  -- bilirubin.total, mass per volume in serum or plasma
        3024561,  -- albumin, mass per volume in serum or plasma
        3034426   -- prothrombin time
    )
ORDER BY m.person_id, m.measurement_date, m.measurement_concept_id, m.measurement_id
