CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL, price numeric NOT NULL);
INSERT INTO items SELECT id, 'item ' || id, id * 1.5 FROM generate_series(1, 10000) AS id;
CREATE INDEX ON items (name);
