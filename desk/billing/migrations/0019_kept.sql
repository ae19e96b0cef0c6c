-- +goose Up
-- The sealed documents of an invoice stay until it is written down that the law wants
-- them no longer.
CREATE UNIQUE INDEX billing_invoice_file ON billing_invoice (file);
@FINAL billing_removed@
@KEPT vault_chunk WHILE EXISTS (SELECT 1 FROM billing_invoice i WHERE i.file = OLD.file AND NOT EXISTS (SELECT 1 FROM billing_removed r WHERE r.number = i.number))@
@KEPT vault_file WHILE EXISTS (SELECT 1 FROM billing_invoice i WHERE i.file = OLD.id AND NOT EXISTS (SELECT 1 FROM billing_removed r WHERE r.number = i.number))@

-- +goose Down
-- Nothing: a program before this removes no document earlier either.
