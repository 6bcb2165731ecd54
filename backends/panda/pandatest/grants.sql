-- Roles for gridwarden in PanDA's database. Run this as the owner of the schemas;
-- give each role a password or a certificate in the way of your site.

-- backends.panda.database: reads, whatever it is told to do.
CREATE ROLE gridwarden_reader LOGIN;
ALTER ROLE gridwarden_reader SET default_transaction_read_only = on;
GRANT USAGE ON SCHEMA doma_panda, doma_pandaarch, doma_pandameta, doma_deft TO gridwarden_reader;
GRANT SELECT ON
    doma_panda.jobsdefined4, doma_panda.jobsactive4, doma_panda.jobsarchived4, doma_pandaarch.jobsarchived,
    doma_panda.jobparamstable, doma_pandaarch.jobparamstable_arch, doma_panda.metatable,
    doma_panda.filestable4, doma_pandaarch.filestable_arch, doma_panda.jobs_statuslog,
    doma_panda.jedi_tasks, doma_panda.jedi_taskparams, doma_panda.jedi_job_retry_history,
    doma_panda.harvester_workers, doma_panda.harvester_rel_jobs_workers, doma_panda.schedconfig_json,
    doma_pandameta.users, doma_pandameta.usercacheusage,
    doma_deft.t_task, doma_deft.prodsys_comm
TO gridwarden_reader;

-- backends.panda.ban: sets the status of users who are there, and nothing else.
CREATE ROLE gridwarden_banner LOGIN;
GRANT USAGE ON SCHEMA doma_pandameta TO gridwarden_banner;
GRANT SELECT (id, name, dn, email, status, vo, firstjob, latestjob), UPDATE (status)
    ON doma_pandameta.users TO gridwarden_banner;

-- In place of gridwarden_banner where a name may be banned that PanDA has never
-- seen: it also makes users.
CREATE ROLE gridwarden_registrar LOGIN;
GRANT USAGE ON SCHEMA doma_pandameta TO gridwarden_registrar;
GRANT SELECT (id, name, dn, email, status, vo, firstjob, latestjob), UPDATE (status),
    INSERT (id, name, dn, lastmod, firstjob, latestjob, cachetime, ncurrent, jobid, status)
    ON doma_pandameta.users TO gridwarden_registrar;
GRANT USAGE ON SEQUENCE doma_pandameta.users_id_seq TO gridwarden_registrar;
