CREATE SCHEMA IF NOT EXISTS authz;
REVOKE ALL ON SCHEMA authz FROM PUBLIC;

-- The two padded halves of the HMAC key (RFC 2104), so that PostgreSQL's own sha256() suffices: no extension.
CREATE TABLE IF NOT EXISTS authz.context_key (
  id smallint PRIMARY KEY CHECK (id = 1),
  inner_pad bytea NOT NULL CHECK (length(inner_pad) = 64),
  outer_pad bytea NOT NULL CHECK (length(outer_pad) = 64)
);
CREATE TABLE IF NOT EXISTS authz.applied (
  id smallint PRIMARY KEY CHECK (id = 1),
  source_sha256 text NOT NULL,
  catalogue_sha256 text NOT NULL
);
REVOKE ALL ON authz.context_key, authz.applied FROM PUBLIC;

-- One field of the signed context of this transaction; null when it is unset, stale, or another role's. A forged one
-- ends the statement, so that the server hears of it.
-- 1 version, 2 role, 3 actor, 4 grant, 5 office, 6 region, 7 organization, 8 client, 9 epoch seconds, then the MAC.
CREATE OR REPLACE FUNCTION authz.claim(wanted_role text, field int) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  raw text := current_setting('casework.context', true);
  payload text;
  key authz.context_key;
BEGIN
  IF raw IS NULL OR length(raw) < 66 THEN RETURN NULL; END IF;
  payload := left(raw, -65);
  IF split_part(payload, '|', 2) <> wanted_role THEN RETURN NULL; END IF;
  SELECT * INTO key FROM authz.context_key;
  IF encode(sha256(key.outer_pad || sha256(key.inner_pad || convert_to(payload, 'UTF8'))), 'hex') <> right(raw, 64)
  THEN RAISE EXCEPTION 'context refused' USING ERRCODE = '28000'; END IF;
  IF abs(extract(epoch FROM now()) - split_part(payload, '|', 9)::bigint) > 300 THEN RETURN NULL; END IF;
  RETURN nullif(split_part(payload, '|', field), '');
END $$;
REVOKE ALL ON FUNCTION authz.claim(text, int) FROM PUBLIC;

-- The same for the row security of one role, where a context of another role can only have been carried there: the
-- statement ends too.
CREATE OR REPLACE FUNCTION authz.own_claim(own_role text, field int) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF split_part(nullif(current_setting('casework.context', true), ''), '|', 2) <> own_role
  THEN RAISE EXCEPTION 'context refused' USING ERRCODE = '28000'; END IF;
  RETURN authz.claim(own_role, field);
END $$;
REVOKE ALL ON FUNCTION authz.own_claim(text, int) FROM PUBLIC;

-- Everybody who may act at this moment, and by what: the one place that says when a role or a client is in force.
-- Read by the door below and by authz.who_sees; not a definer's function, so that it is inlined there.
CREATE OR REPLACE FUNCTION authz.holders() RETURNS TABLE (
  grant_id uuid, client_id uuid, actor uuid, role text, office uuid, region text, organization uuid, until timestamptz
) LANGUAGE sql STABLE AS $$
  SELECT g.id, NULL::uuid, g.user_id, g.role, g.office_id, g.region_code, g.organization_id, g.valid_until
  FROM public.role_grants g JOIN public.users u ON u.id = g.user_id
  WHERE g.revoked_at IS NULL AND (g.proposed_by IS NULL OR g.approved_at IS NOT NULL)
    AND g.valid_from <= now() AND (g.valid_until IS NULL OR g.valid_until > now()) AND u.disabled_at IS NULL
  UNION ALL
  SELECT NULL, c.id, c.id, c.role, NULL, NULL, c.organization_id, c.valid_until
  FROM public.api_clients c WHERE c.revoked_at IS NULL AND c.valid_until > now()
$$;
REVOKE ALL ON FUNCTION authz.holders() FROM PUBLIC;

-- The door of each transaction: the context is genuine, and the grant behind it is still in force at this moment.
CREATE OR REPLACE FUNCTION authz.admit(raw text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  payload text := left(raw, -65);
  key authz.context_key;
  actor_role text := split_part(payload, '|', 2);
  admitted boolean;
BEGIN
  SELECT * INTO key FROM authz.context_key;
  IF raw IS NULL OR key.id IS NULL
    OR encode(sha256(key.outer_pad || sha256(key.inner_pad || convert_to(payload, 'UTF8'))), 'hex') <> right(raw, 64)
  THEN RAISE EXCEPTION 'context refused' USING ERRCODE = '28000'; END IF;
  IF actor_role IN ('authenticator', 'sequencer', 'expiry', 'planner', 'mover', 'keeper', 'glazier', 'retention', 'sentinel', 'operator')
  THEN RETURN true; END IF;
  IF split_part(payload, '|', 8) <> '' THEN
    SELECT true INTO admitted FROM authz.holders() h
      WHERE h.client_id = split_part(payload, '|', 8)::uuid
      AND h.organization = split_part(payload, '|', 7)::uuid AND h.role = actor_role;
  ELSE
    SELECT true INTO admitted FROM authz.holders() h
      WHERE h.grant_id = split_part(payload, '|', 4)::uuid AND h.actor = split_part(payload, '|', 3)::uuid
      AND (h.role = actor_role OR actor_role = 'emergency');
  END IF;
  IF admitted IS NOT TRUE THEN RAISE EXCEPTION 'grant ended' USING ERRCODE = '28000'; END IF;
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION authz.admit(text) FROM PUBLIC;

-- Whether a person follows cases of an office today. Those who name a caseworker read no users, and a foreign key would
-- accept, and so betray, anybody's id: one of another office is refused exactly like one that nobody has.
CREATE OR REPLACE FUNCTION authz.follows(person uuid, office uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM authz.holders() h
    WHERE h.actor = follows.person AND h.office = follows.office AND h.role = 'caseworker')
$$;
REVOKE ALL ON FUNCTION authz.follows(uuid, uuid) FROM PUBLIC;

-- The same for whoever is named a sponsor's spokesperson.
CREATE OR REPLACE FUNCTION authz.speaks(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM authz.holders() h WHERE h.actor = speaks.person AND h.role = 'sponsor_spokesperson')
$$;
REVOKE ALL ON FUNCTION authz.speaks(uuid) FROM PUBLIC;

-- What PostgreSQL itself says of its policies and grants; compared at boot with what was recorded at migration.
CREATE OR REPLACE FUNCTION authz.catalogue() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT encode(sha256(convert_to(coalesce(string_agg(line, E'\n' ORDER BY line), ''), 'UTF8')), 'hex') FROM (
    SELECT concat_ws('|', 'policy', tablename, policyname, cmd, roles::text, qual, with_check) AS line
      FROM pg_policies WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws('|', 'table', relname, relrowsecurity, relforcerowsecurity, relacl::text)
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL SELECT concat_ws('|', 'column', attrelid::regclass::text, attname, attacl::text)
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
      WHERE c.relnamespace = 'public'::regnamespace AND attacl IS NOT NULL AND NOT attisdropped
    UNION ALL SELECT concat_ws('|', 'function', p.oid::regprocedure::text, prosecdef, proacl::text, md5(prosrc))
      FROM pg_proc p WHERE pronamespace IN ('public'::regnamespace, 'authz'::regnamespace)
  ) AS lines
$$;
REVOKE ALL ON FUNCTION authz.catalogue() FROM PUBLIC;

CREATE OR REPLACE FUNCTION authz.applied_fingerprint() RETURNS TABLE (source_sha256 text, unchanged boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT source_sha256, catalogue_sha256 = authz.catalogue() FROM authz.applied
$$;
REVOKE ALL ON FUNCTION authz.applied_fingerprint() FROM PUBLIC;
