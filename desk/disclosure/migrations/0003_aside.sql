-- +goose Up
-- Mail that waits is reminded of, can be put aside, and is known again. What came before
-- has no repeat and is known by its sha256 alone.
ALTER TABLE disclosure_mail ADD COLUMN repeat TEXT NOT NULL DEFAULT '';    -- of one that comes again the same
ALTER TABLE disclosure_mail ADD COLUMN reminded BIGINT NOT NULL DEFAULT 0; -- 0: nobody was
ALTER TABLE disclosure_mail ADD COLUMN aside BIGINT NOT NULL DEFAULT 0;    -- when it was put aside; 0: it waits
CREATE UNIQUE INDEX disclosure_mail_repeat ON disclosure_mail (repeat) WHERE repeat <> '';

-- +goose Down
DROP INDEX disclosure_mail_repeat;
ALTER TABLE disclosure_mail DROP COLUMN aside;
ALTER TABLE disclosure_mail DROP COLUMN reminded;
ALTER TABLE disclosure_mail DROP COLUMN repeat;
