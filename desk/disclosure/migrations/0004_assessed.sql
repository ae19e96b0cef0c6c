-- +goose Up
-- What the last assessment came to: "lawful", "broad", "unlawful"; empty: there was none.
ALTER TABLE disclosure_request ADD COLUMN assessed TEXT NOT NULL DEFAULT '';
-- An assessment leaves a note for each answer, such as "scope.no", and the last one counts.
UPDATE disclosure_request SET assessed = CASE
    WHEN valid = 1 THEN 'lawful'
    WHEN EXISTS (SELECT 1 FROM disclosure_note n WHERE n.request = disclosure_request.id AND n.kind IN ('sender.no', 'validity.no', 'jurisdiction.no', 'competence.no')
        AND NOT EXISTS (SELECT 1 FROM disclosure_note later WHERE later.request = n.request AND later.place > n.place AND later.kind = replace(n.kind, '.no', '.yes'))) THEN 'unlawful'
    WHEN EXISTS (SELECT 1 FROM disclosure_note n WHERE n.request = disclosure_request.id AND n.kind = 'scope.no') THEN 'broad'
    ELSE '' END;

-- +goose Down
ALTER TABLE disclosure_request DROP COLUMN assessed;
