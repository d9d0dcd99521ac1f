-- Roles and database of every private cluster. The passwords are for private clusters only.
ALTER ROLE postgres PASSWORD 'postgres';
CREATE ROLE pointsman LOGIN PASSWORD 'pointsman';
GRANT pg_monitor TO pointsman;
CREATE ROLE app LOGIN PASSWORD 'app';
CREATE DATABASE app OWNER app;
