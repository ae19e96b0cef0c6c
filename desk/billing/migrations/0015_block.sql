-- +goose Up
-- Names of services were noted among the blocks, too. A block is noted again when a part
-- of it is given out.
DELETE FROM billing_block;

-- +goose Down
