-- The part of PanDA's database that gridwarden reads and writes, as the server of
-- 2026 has it on PostgreSQL (panda-database, schema 0.1.6). Columns that nothing
-- here needs are left out; those that are here have the real names, types, limits,
-- defaults and, as among themselves, the real order, which differs from table to
-- table: who reads them must name them.
--
-- Times are UTC without a zone. Where a time has a default it is 1970, so that a
-- job that has not started must say NULL.
--
-- There is no index on modificationhost, none on batchid in the live tables, none
-- on nodeid and batchid of workers, and none on modificationtime in doma_pandaarch:
-- PanDA has none either.

CREATE SCHEMA doma_panda;
CREATE SCHEMA doma_pandaarch;
CREATE SCHEMA doma_pandameta;
CREATE SCHEMA doma_deft;

-- Jobs. A job is in exactly one of these tables and moves down.

CREATE TABLE doma_panda.jobsdefined4 (
    pandaid bigint NOT NULL DEFAULT 0,
    jobdefinitionid bigint NOT NULL DEFAULT 0, schedulerid varchar(128), pilotid varchar(200),
    creationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01', creationhost varchar(128),
    modificationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01', modificationhost varchar(128),
    atlasrelease varchar(64), transformation varchar(250), homepackage varchar(80),
    prodsourcelabel varchar(20) DEFAULT 'managed', produserid varchar(250),
    currentpriority integer NOT NULL DEFAULT 0, attemptnr smallint NOT NULL DEFAULT 0, maxattempt smallint NOT NULL DEFAULT 0,
    jobstatus varchar(15) NOT NULL DEFAULT 'defined', jobname varchar(256), maxdiskcount integer NOT NULL DEFAULT 0,
    starttime timestamp DEFAULT TIMESTAMP '1970-01-01', endtime timestamp DEFAULT TIMESTAMP '1970-01-01',
    cpuconsumptiontime numeric(20) NOT NULL DEFAULT 0, cpuconsumptionunit varchar(128),
    commandtopilot varchar(250), transexitcode varchar(128),
    piloterrorcode integer NOT NULL DEFAULT 0, piloterrordiag varchar(250),
    exeerrorcode integer NOT NULL DEFAULT 0, exeerrordiag varchar(250),
    superrorcode integer NOT NULL DEFAULT 0, superrordiag varchar(250),
    ddmerrorcode integer NOT NULL DEFAULT 0, ddmerrordiag varchar(250),
    brokerageerrorcode integer NOT NULL DEFAULT 0, brokerageerrordiag varchar(250),
    jobdispatchererrorcode integer NOT NULL DEFAULT 0, jobdispatchererrordiag varchar(250),
    taskbuffererrorcode integer NOT NULL DEFAULT 0, taskbuffererrordiag varchar(250),
    computingsite varchar(128), computingelement varchar(128),
    jobparameters text, metadata text,
    proddblock varchar(255), destinationdblock varchar(255), destinationse varchar(250),
    cloud varchar(32), taskid integer, cmtconfig varchar(250),
    statechangetime timestamp DEFAULT TIMESTAMP '1970-01-01', proddbupdatetime timestamp DEFAULT TIMESTAMP '1970-01-01', lockedby varchar(128),
    vo varchar(32), pilottiming varchar(100), workinggroup varchar(20), processingtype varchar(64),
    produsername varchar(60), countrygroup varchar(20), batchid varchar(80), parentid bigint,
    specialhandling varchar(80), jobsetid bigint, corecount smallint,
    inputfilebytes bigint, outputfilebytes bigint, jobmetrics varchar(500), workqueue_id integer,
    jeditaskid bigint, jobsubstatus varchar(80), actualcorecount integer, reqid integer,
    maxrss bigint, maxpss bigint, avgpss bigint, maxwalltime bigint, eventservice smallint, hs06sec bigint, gshare varchar(32),
    resource_type varchar(56), container_name varchar(200), job_label varchar(20), cpu_architecture_level varchar(20)
);

CREATE TABLE doma_panda.jobsactive4 (
    pandaid bigint NOT NULL DEFAULT 0,
    jobdefinitionid bigint NOT NULL DEFAULT 0, schedulerid varchar(128), pilotid varchar(200),
    creationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01', creationhost varchar(128),
    modificationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01', modificationhost varchar(128),
    atlasrelease varchar(64), transformation varchar(250), homepackage varchar(80),
    prodsourcelabel varchar(20) DEFAULT 'managed', produserid varchar(250),
    currentpriority integer NOT NULL DEFAULT 0, attemptnr smallint NOT NULL DEFAULT 0, maxattempt smallint NOT NULL DEFAULT 0,
    jobstatus varchar(15) NOT NULL DEFAULT 'activated', jobname varchar(256), maxdiskcount bigint NOT NULL DEFAULT 0,
    starttime timestamp DEFAULT TIMESTAMP '1970-01-01', endtime timestamp DEFAULT TIMESTAMP '1970-01-01',
    cpuconsumptiontime numeric(20) NOT NULL DEFAULT 0, cpuconsumptionunit varchar(128),
    commandtopilot varchar(250), transexitcode varchar(128),
    piloterrorcode integer NOT NULL DEFAULT 0, piloterrordiag varchar(500),
    exeerrorcode integer NOT NULL DEFAULT 0, exeerrordiag varchar(500),
    superrorcode integer NOT NULL DEFAULT 0, superrordiag varchar(250),
    ddmerrorcode integer NOT NULL DEFAULT 0, ddmerrordiag varchar(500),
    brokerageerrorcode integer NOT NULL DEFAULT 0, brokerageerrordiag varchar(250),
    jobdispatchererrorcode integer NOT NULL DEFAULT 0, jobdispatchererrordiag varchar(250),
    taskbuffererrorcode integer NOT NULL DEFAULT 0, taskbuffererrordiag varchar(300),
    computingsite varchar(128), computingelement varchar(128),
    jobparameters text, metadata text,
    proddblock varchar(255), destinationdblock varchar(255), destinationse varchar(250),
    cloud varchar(50), taskid integer, cmtconfig varchar(250),
    statechangetime timestamp DEFAULT TIMESTAMP '1970-01-01', proddbupdatetime timestamp DEFAULT TIMESTAMP '1970-01-01', lockedby varchar(128),
    vo varchar(32), pilottiming varchar(100), workinggroup varchar(20), processingtype varchar(64),
    produsername varchar(60), countrygroup varchar(20), batchid varchar(80), parentid bigint,
    specialhandling varchar(80), jobsetid bigint, corecount smallint,
    inputfilebytes bigint, outputfilebytes bigint, jobmetrics varchar(500), workqueue_id integer,
    jeditaskid bigint, jobsubstatus varchar(80), actualcorecount integer, reqid integer,
    maxrss bigint, maxpss bigint, avgpss bigint, maxwalltime bigint, eventservice smallint, hs06sec bigint, gshare varchar(32),
    resource_type varchar(56), container_name varchar(200), job_label varchar(20), cpu_architecture_level varchar(20)
);

CREATE TABLE doma_panda.jobsarchived4 (
    pandaid bigint NOT NULL DEFAULT 0,
    modificationtime timestamp NOT NULL,
    jobdefinitionid bigint NOT NULL DEFAULT 0, schedulerid varchar(128), pilotid varchar(200),
    creationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01', creationhost varchar(128),
    modificationhost varchar(128),
    atlasrelease varchar(64), transformation varchar(250), homepackage varchar(80),
    prodsourcelabel varchar(20) DEFAULT 'managed', produserid varchar(250),
    currentpriority integer NOT NULL DEFAULT 0, attemptnr smallint NOT NULL DEFAULT 0, maxattempt smallint NOT NULL DEFAULT 0,
    jobstatus varchar(15) NOT NULL DEFAULT 'activated', jobname varchar(256), maxdiskcount bigint NOT NULL DEFAULT 0,
    starttime timestamp DEFAULT TIMESTAMP '1970-01-01', endtime timestamp DEFAULT TIMESTAMP '1970-01-01',
    cpuconsumptiontime numeric(20) NOT NULL DEFAULT 0, cpuconsumptionunit varchar(128),
    commandtopilot varchar(250), transexitcode varchar(128),
    piloterrorcode integer NOT NULL DEFAULT 0, piloterrordiag varchar(500),
    exeerrorcode integer NOT NULL DEFAULT 0, exeerrordiag varchar(500),
    superrorcode integer NOT NULL DEFAULT 0, superrordiag varchar(250),
    ddmerrorcode integer NOT NULL DEFAULT 0, ddmerrordiag varchar(700),
    brokerageerrorcode integer NOT NULL DEFAULT 0, brokerageerrordiag varchar(250),
    jobdispatchererrorcode integer NOT NULL DEFAULT 0, jobdispatchererrordiag varchar(250),
    taskbuffererrorcode integer NOT NULL DEFAULT 0, taskbuffererrordiag varchar(300),
    computingsite varchar(128), computingelement varchar(128),
    proddblock varchar(255), destinationdblock varchar(255), destinationse varchar(250),
    cloud varchar(50), taskid integer, cmtconfig varchar(250),
    statechangetime timestamp DEFAULT TIMESTAMP '1970-01-01', proddbupdatetime timestamp DEFAULT TIMESTAMP '1970-01-01', lockedby varchar(128),
    vo varchar(32), pilottiming varchar(100), workinggroup varchar(20), processingtype varchar(64),
    produsername varchar(60), countrygroup varchar(20), batchid varchar(80), parentid bigint,
    specialhandling varchar(80), jobsetid bigint, corecount smallint,
    jobparameters text, metadata text,
    inputfilebytes bigint, outputfilebytes bigint, jobmetrics varchar(500), workqueue_id integer,
    jeditaskid bigint, jobsubstatus varchar(80), actualcorecount integer, reqid integer,
    maxrss bigint, maxpss bigint, avgpss bigint, maxwalltime bigint, eventservice smallint, hs06sec bigint, gshare varchar(32),
    resource_type varchar(56), container_name varchar(200), job_label varchar(20), cpu_architecture_level varchar(20)
) PARTITION BY RANGE (modificationtime);

CREATE TABLE doma_pandaarch.jobsarchived (
    pandaid bigint NOT NULL DEFAULT 0,
    jobdefinitionid bigint NOT NULL DEFAULT 0, schedulerid varchar(128), pilotid varchar(200),
    creationtime timestamp NOT NULL DEFAULT LOCALTIMESTAMP, creationhost varchar(128),
    modificationtime timestamp NOT NULL DEFAULT LOCALTIMESTAMP, modificationhost varchar(128),
    atlasrelease varchar(64), transformation varchar(250), homepackage varchar(80),
    prodsourcelabel varchar(20), produserid varchar(250),
    currentpriority integer NOT NULL DEFAULT 0, attemptnr smallint NOT NULL DEFAULT 0, maxattempt smallint NOT NULL DEFAULT 0,
    jobstatus varchar(15) NOT NULL DEFAULT 'unknown', jobname varchar(256), maxdiskcount bigint NOT NULL DEFAULT 0,
    starttime timestamp DEFAULT LOCALTIMESTAMP, endtime timestamp DEFAULT LOCALTIMESTAMP,
    cpuconsumptiontime numeric(20), cpuconsumptionunit varchar(128),
    commandtopilot varchar(250), transexitcode varchar(128),
    piloterrorcode integer NOT NULL DEFAULT 0, piloterrordiag varchar(500),
    exeerrorcode integer NOT NULL DEFAULT 0, exeerrordiag varchar(500),
    superrorcode integer NOT NULL DEFAULT 0, superrordiag varchar(250),
    ddmerrorcode integer NOT NULL DEFAULT 0, ddmerrordiag varchar(700),
    brokerageerrorcode integer NOT NULL DEFAULT 0, brokerageerrordiag varchar(250),
    jobdispatchererrorcode integer NOT NULL DEFAULT 0, jobdispatchererrordiag varchar(250),
    taskbuffererrorcode integer NOT NULL DEFAULT 0, taskbuffererrordiag varchar(300),
    computingsite varchar(128), computingelement varchar(128),
    proddblock varchar(255), destinationdblock varchar(255), destinationse varchar(250),
    cloud varchar(50), taskid integer, cmtconfig varchar(250),
    statechangetime timestamp DEFAULT LOCALTIMESTAMP, proddbupdatetime timestamp DEFAULT LOCALTIMESTAMP, lockedby varchar(128),
    vo varchar(32), pilottiming varchar(100), workinggroup varchar(20), processingtype varchar(64),
    jobparameters text, metadata text,
    produsername varchar(60), countrygroup varchar(20), batchid varchar(80), parentid bigint,
    specialhandling varchar(80), jobsetid bigint, corecount smallint,
    inputfilebytes bigint, outputfilebytes bigint, jobmetrics varchar(500), workqueue_id integer,
    jeditaskid bigint, jobsubstatus varchar(80), actualcorecount integer, reqid integer,
    maxrss bigint, maxpss bigint, avgpss bigint, maxwalltime bigint, eventservice smallint, hs06sec bigint, gshare varchar(32),
    resource_type varchar(56), container_name varchar(200), job_label varchar(20), cpu_architecture_level varchar(20)
);

CREATE SEQUENCE doma_panda.jobsdefined4_pandaid_seq;

ALTER TABLE doma_panda.jobsdefined4 ADD PRIMARY KEY (pandaid);
CREATE UNIQUE INDEX jobsdefined4_jeditaskid_idx ON doma_panda.jobsdefined4 (jeditaskid, pandaid);
CREATE INDEX jobsdefined4_jobname_idx ON doma_panda.jobsdefined4 (jobname);
CREATE INDEX jobsdefined4_jobsetid_idx ON doma_panda.jobsdefined4 (jobsetid);
CREATE INDEX jobsdefined4_label_csite_stat ON doma_panda.jobsdefined4 (prodsourcelabel, computingsite, jobstatus);
CREATE INDEX jobsdefined4_produsername_idx ON doma_panda.jobsdefined4 (produsername);
CREATE INDEX jobsdefined4_reqid_idx ON doma_panda.jobsdefined4 (reqid);
CREATE INDEX jobsdef_statechangetime_idx ON doma_panda.jobsdefined4 (statechangetime);

ALTER TABLE doma_panda.jobsactive4 ADD PRIMARY KEY (pandaid);
CREATE INDEX jobsactive4_compsitestatus_idx ON doma_panda.jobsactive4 (computingsite, jobstatus);
CREATE INDEX jobsactive4_csite_label_prior3 ON doma_panda.jobsactive4 (computingsite, prodsourcelabel, currentpriority, jobstatus, maxdiskcount, commandtopilot);
CREATE INDEX jobsactive4_jeditaskidstat_idx ON doma_panda.jobsactive4 (jeditaskid, jobstatus);
CREATE UNIQUE INDEX jobsactive4_jeditaskid_idx ON doma_panda.jobsactive4 (jeditaskid, pandaid);
CREATE INDEX jobsactive4_jobdefid_idx ON doma_panda.jobsactive4 (jobdefinitionid);
CREATE INDEX jobsactive4_jobname_idx ON doma_panda.jobsactive4 (jobname);
CREATE INDEX jobsactive4_modtime_idx ON doma_panda.jobsactive4 (modificationtime);
CREATE INDEX jobsactive4_produsernamest_idx ON doma_panda.jobsactive4 (produsername, jobstatus);
CREATE INDEX jobsactive4_reqid_idx ON doma_panda.jobsactive4 (reqid);
CREATE INDEX jobsactive4_stat_label_wgr_idx ON doma_panda.jobsactive4 (jobstatus, prodsourcelabel, workinggroup);
CREATE INDEX jobsactive_statechangetime_idx ON doma_panda.jobsactive4 (statechangetime);

ALTER TABLE doma_panda.jobsarchived4 ADD PRIMARY KEY (pandaid, modificationtime);
CREATE INDEX jobsarc4_jeditaskid3attr_idx ON doma_panda.jobsarchived4 (jeditaskid, jobstatus, prodsourcelabel, pandaid);
CREATE INDEX jobsarch4_compsite_5attr_idx ON doma_panda.jobsarchived4 (computingsite, cloud, jobstatus, prodsourcelabel, processingtype, modificationtime);
CREATE INDEX jobsarch4_mtimeprodslabel_idx ON doma_panda.jobsarchived4 (modificationtime, prodsourcelabel);
CREATE INDEX jobsarch4_piloterrcode_idx ON doma_panda.jobsarchived4 (piloterrorcode);
CREATE INDEX jobsarch4_produsernamest_idx ON doma_panda.jobsarchived4 (produsername, jobstatus);
CREATE INDEX jobsarch4_specialhandling_idx ON doma_panda.jobsarchived4 (specialhandling);
CREATE INDEX jobsarch4_workgroup_status_idx ON doma_panda.jobsarchived4 (workinggroup, jobstatus);
CREATE INDEX jobsarchived4_batchid_idx ON doma_panda.jobsarchived4 (batchid);
CREATE INDEX jobsarchived4_jobdefid_idx ON doma_panda.jobsarchived4 (jobdefinitionid);
CREATE INDEX jobsarchived4_jobname_idx ON doma_panda.jobsarchived4 (jobname);
CREATE INDEX jobsarchived4_jobsetid_idx ON doma_panda.jobsarchived4 (jobsetid);
CREATE INDEX jobsarchived4_reqid_idx ON doma_panda.jobsarchived4 (reqid);
CREATE INDEX jobs_statechangetime_idx ON doma_panda.jobsarchived4 (statechangetime);
CREATE INDEX jobs_upper_produsername_idx ON doma_panda.jobsarchived4 (upper(produsername));

CREATE INDEX jobs_batchid_idx ON doma_pandaarch.jobsarchived (batchid);
CREATE INDEX jobs_comsite_3attr_pandaid_idx ON doma_pandaarch.jobsarchived (computingsite, jobstatus, prodsourcelabel, processingtype, pandaid);
CREATE INDEX jobs_jeditaskid_pandaid_idx ON doma_pandaarch.jobsarchived (jeditaskid, pandaid);
CREATE INDEX jobs_jobname_idx ON doma_pandaarch.jobsarchived (jobname);
CREATE INDEX jobs_pandaid_idx ON doma_pandaarch.jobsarchived (pandaid);
CREATE INDEX jobs_produsername_4attr_idx ON doma_pandaarch.jobsarchived (produsername, jobstatus, prodsourcelabel, jobsetid, jobdefinitionid);
CREATE INDEX jobs_statechangetime_idx ON doma_pandaarch.jobsarchived (statechangetime);
CREATE INDEX jobs_upper_produsername_idx ON doma_pandaarch.jobsarchived (upper(produsername));

-- What belongs to a job. While it is live, the rows of the first three have the
-- modificationtime 1970-01-01; with the job's archiving they get its time and so
-- move to another partition.

CREATE TABLE doma_panda.jobparamstable (
    pandaid bigint NOT NULL,
    modificationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01',
    jobparameters text,
    PRIMARY KEY (pandaid, modificationtime)
) PARTITION BY RANGE (modificationtime);

CREATE TABLE doma_panda.metatable (
    pandaid bigint NOT NULL,
    modificationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01',
    metadata text,
    PRIMARY KEY (pandaid, modificationtime)
) PARTITION BY RANGE (modificationtime);

CREATE SEQUENCE doma_panda.filestable4_row_id_seq CACHE 20;
CREATE TABLE doma_panda.filestable4 (
    row_id bigint NOT NULL,
    pandaid bigint NOT NULL DEFAULT 0,
    modificationtime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01',
    guid varchar(64), lfn varchar(4000), type varchar(20), dataset varchar(255), status varchar(64),
    proddblock varchar(255), dispatchdblock varchar(255), destinationdblock varchar(255), destinationse varchar(250),
    fsize bigint NOT NULL DEFAULT 0, md5sum varchar(36), checksum varchar(36), scope varchar(30),
    jeditaskid bigint, datasetid bigint, fileid bigint, attemptnr smallint,
    PRIMARY KEY (row_id, modificationtime)
) PARTITION BY RANGE (modificationtime);
CREATE INDEX filestable4_datasetype3col_idx ON doma_panda.filestable4 (dataset, type, destinationdblock, status, pandaid);
CREATE INDEX filestable4_destdblock_idx ON doma_panda.filestable4 (destinationdblock);
CREATE INDEX filestable4_lfn_idx ON doma_panda.filestable4 (lfn);
CREATE INDEX filestable4_pandaid_idx ON doma_panda.filestable4 (pandaid);
CREATE INDEX filestable4_taskfileid_idx ON doma_panda.filestable4 (jeditaskid, datasetid, fileid);

CREATE TABLE doma_pandaarch.jobparamstable_arch (
    pandaid bigint NOT NULL,
    modificationtime timestamp NOT NULL DEFAULT LOCALTIMESTAMP,
    jobparameters text
);
CREATE INDEX jobparams_arch_pandaid_idx ON doma_pandaarch.jobparamstable_arch (pandaid);

CREATE TABLE doma_pandaarch.filestable_arch (
    row_id bigint NOT NULL,
    pandaid bigint NOT NULL DEFAULT 0,
    modificationtime timestamp NOT NULL DEFAULT LOCALTIMESTAMP,
    creationtime timestamp,
    guid varchar(64), lfn varchar(4000), type varchar(20), fsize bigint DEFAULT 0, dataset varchar(255), status varchar(64),
    md5sum varchar(40), checksum varchar(40), proddblock varchar(255), dispatchdblock varchar(255), destinationdblock varchar(255),
    destinationse varchar(250), scope varchar(30), jeditaskid bigint, datasetid bigint, fileid bigint, attemptnr smallint
);
CREATE INDEX files_arch_lfn_idx ON doma_pandaarch.filestable_arch (lfn);
CREATE INDEX files_arch_pandaid_idx ON doma_pandaarch.filestable_arch (pandaid);
CREATE INDEX files_arch_rowid_idx ON doma_pandaarch.filestable_arch (row_id);
CREATE INDEX file_arch_task_dset_fileid_idx ON doma_pandaarch.filestable_arch (jeditaskid, datasetid, fileid, pandaid);

-- modificationhost is a server of PanDA, never a worker node.
CREATE TABLE doma_panda.jobs_statuslog (
    pandaid bigint NOT NULL,
    modificationtime timestamp NOT NULL,
    jobstatus varchar(15) NOT NULL,
    prodsourcelabel varchar(20), cloud varchar(50), computingsite varchar(128), modificationhost varchar(128),
    modiftime_extended timestamp
) PARTITION BY RANGE (modificationtime);
CREATE INDEX jobs_statuslog_pandaid_idx ON doma_panda.jobs_statuslog (pandaid);

CREATE TABLE doma_panda.jedi_job_retry_history (
    jeditaskid bigint NOT NULL,
    oldpandaid bigint NOT NULL,
    newpandaid bigint NOT NULL,
    ins_utc_tstamp timestamp NOT NULL DEFAULT (CURRENT_TIMESTAMP(0) AT TIME ZONE 'UTC'),
    relationtype varchar(32),
    originpandaid bigint
) PARTITION BY RANGE (ins_utc_tstamp);
CREATE UNIQUE INDEX jedi_job_retry_history_uq ON doma_panda.jedi_job_retry_history (jeditaskid, newpandaid, oldpandaid, originpandaid, ins_utc_tstamp);
CREATE INDEX jedi_job_retry_hist_oldpid_idx ON doma_panda.jedi_job_retry_history (oldpandaid);
CREATE INDEX jedi_job_retry_hist_origid_idx ON doma_panda.jedi_job_retry_history (originpandaid);

-- Workers: the batch jobs that Harvester submits, in which pilots run.

CREATE TABLE doma_panda.harvester_workers (
    harvesterid varchar(50) NOT NULL, workerid bigint NOT NULL, lastupdate timestamp NOT NULL,
    status varchar(80) NOT NULL, batchid varchar(80), nodeid varchar(80), queuename varchar(80), computingsite varchar(128),
    submittime timestamp, starttime timestamp, endtime timestamp, ncore integer, errorcode integer,
    stdout varchar(250), stderr varchar(250), batchlog varchar(250), resourcetype varchar(56),
    nativeexitcode integer, nativestatus varchar(80), diagmessage varchar(500), computingelement varchar(128), njobs integer,
    submissionhost varchar(128), harvesterhost varchar(128), jobtype varchar(52),
    pilotstarttime timestamp, pilotendtime timestamp, pilotstatus varchar(80),
    PRIMARY KEY (harvesterid, workerid, lastupdate)
) PARTITION BY RANGE (lastupdate);
CREATE INDEX harvester_workers_compsite_idx ON doma_panda.harvester_workers (computingsite);
CREATE INDEX harvester_workers_status_idx ON doma_panda.harvester_workers (status, pilotstatus);
CREATE INDEX harv_workers_harv_submtime_idx ON doma_panda.harvester_workers (harvesterid, submittime);
CREATE INDEX harv_workers_lastupd_idx ON doma_panda.harvester_workers (lastupdate);
CREATE INDEX harv_workers_submittime_idx ON doma_panda.harvester_workers (submittime);

CREATE TABLE doma_panda.harvester_rel_jobs_workers (
    harvesterid varchar(50) NOT NULL, workerid bigint NOT NULL, pandaid bigint NOT NULL,
    lastupdate timestamp NOT NULL,
    PRIMARY KEY (harvesterid, workerid, pandaid)
) PARTITION BY RANGE (pandaid);
CREATE INDEX harvrel_jobworkers_pandaid_idx ON doma_panda.harvester_rel_jobs_workers (pandaid);
CREATE INDEX harv_work_reljobs_lastupd_idx ON doma_panda.harvester_rel_jobs_workers (lastupdate);

-- The settings of the queues, as CRIC gives them; atlas_site among them is the site.

CREATE TABLE doma_panda.schedconfig_json (
    panda_queue varchar(180) NOT NULL,
    data json,
    last_update timestamp,
    PRIMARY KEY (panda_queue)
);

-- Tasks. One that was just submitted is in doma_deft.t_task only, waiting.

CREATE TABLE doma_panda.jedi_tasks (
    jeditaskid bigint NOT NULL, taskname varchar(256), status varchar(64) NOT NULL, username varchar(128) NOT NULL,
    creationdate timestamp NOT NULL, modificationtime timestamp NOT NULL, reqid integer, oldstatus varchar(64),
    cloud varchar(10), site varchar(60), starttime timestamp, endtime timestamp, frozentime timestamp,
    prodsourcelabel varchar(20), workinggroup varchar(32), vo varchar(32), corecount integer, tasktype varchar(64),
    processingtype varchar(64), taskpriority integer, currentpriority integer, transuses varchar(64), transhome varchar(128),
    transpath varchar(128), lockedby varchar(56), lockedtime timestamp, splitrule varchar(200), workqueue_id integer,
    errordialog varchar(510), parent_tid bigint, statechangetime timestamp, superstatus varchar(64), gshare varchar(32),
    resource_type varchar(56), attemptnr smallint, container_name varchar(200), job_label varchar(20),
    realmodificationtime timestamp, framework varchar(50),
    PRIMARY KEY (jeditaskid)
) PARTITION BY RANGE (jeditaskid);
CREATE INDEX jedi_tasks_reqid_idx ON doma_panda.jedi_tasks (reqid, username);
CREATE INDEX jedi_tasks_creation_idx ON doma_panda.jedi_tasks (creationdate);
CREATE INDEX jedi_tasks_lockedby_idx ON doma_panda.jedi_tasks (lockedby);
CREATE INDEX jedi_tasks_modiftime_idx ON doma_panda.jedi_tasks (modificationtime);
CREATE INDEX jedi_tasks_nametaskid_idx ON doma_panda.jedi_tasks (taskname, jeditaskid);
CREATE INDEX jedi_tasks_parent_tid_idx ON doma_panda.jedi_tasks (parent_tid);
CREATE INDEX jedi_tasks_status3attr_idx ON doma_panda.jedi_tasks (status, workqueue_id, prodsourcelabel, jeditaskid);
CREATE INDEX jedi_upper_tasks_name_idx ON doma_panda.jedi_tasks (upper(taskname));
CREATE INDEX jedi_tasks_realmodtime_idx ON doma_panda.jedi_tasks (realmodificationtime);

CREATE TABLE doma_panda.jedi_taskparams (
    jeditaskid bigint NOT NULL,
    taskparams text,
    PRIMARY KEY (jeditaskid)
) PARTITION BY RANGE (jeditaskid);

CREATE TABLE doma_deft.t_task (
    taskid bigint NOT NULL, parent_tid bigint, status varchar(12), total_done_jobs bigint,
    submit_time timestamp(0) NOT NULL, start_time timestamp(0), "timestamp" timestamp(0),
    vo varchar(32), prodsourcelabel varchar(20), taskname varchar(256), username varchar(128),
    priority bigint, current_priority bigint, total_req_jobs bigint, chain_tid bigint, total_events bigint,
    jedi_task_parameters text, total_input_events bigint
);
CREATE UNIQUE INDEX t_task_pk_part ON doma_deft.t_task (taskid);
CREATE INDEX t_task_status_prodlabel_idx ON doma_deft.t_task (status, prodsourcelabel);
CREATE INDEX t_task_taskname_idx ON doma_deft.t_task (taskname);
CREATE INDEX t_task_username_idx ON doma_deft.t_task (username);

-- Commands for JEDI, such as kill. There is no key.
CREATE TABLE doma_deft.prodsys_comm (
    comm_task bigint NOT NULL, comm_meta bigint, comm_owner varchar(32), comm_cmd varchar(256),
    comm_ts bigint, comm_comment varchar(128), comm_parameters text
);

-- Users. name is not unique. status NULL is normal, 'disabled' is banned.

CREATE SEQUENCE doma_pandameta.users_id_seq;
CREATE TABLE doma_pandameta.users (
    id integer NOT NULL, name varchar(60) NOT NULL, dn varchar(150), email varchar(60), url varchar(100),
    location varchar(60), gridpref varchar(20), njobsa bigint, njobs7 bigint, cpua7 bigint, quotaa7 bigint, space7 bigint,
    lastmod timestamp NOT NULL DEFAULT LOCALTIMESTAMP,
    firstjob timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01',
    latestjob timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01',
    pagecache text,
    cachetime timestamp NOT NULL DEFAULT TIMESTAMP '1970-01-01',
    ncurrent bigint NOT NULL DEFAULT 0, jobid bigint NOT NULL DEFAULT 0,
    status varchar(20), vo varchar(20),
    PRIMARY KEY (id)
);
CREATE INDEX users_name_idx ON doma_pandameta.users (name, vo);

-- Which sandbox was uploaded to which server.
CREATE TABLE doma_pandameta.usercacheusage (
    username varchar(128) NOT NULL, filename varchar(256) NOT NULL, hostname varchar(64) NOT NULL,
    creationtime timestamp NOT NULL, modificationtime timestamp, filesize bigint, checksum varchar(36), aliasname varchar(256),
    PRIMARY KEY (filename, hostname, creationtime)
) PARTITION BY RANGE (creationtime);
CREATE INDEX usercacheusage_usr_crdate_indx ON doma_pandameta.usercacheusage (username, creationtime);

-- What falls into no other partition, rows of live jobs among it.

CREATE TABLE doma_panda.jobsarchived4_default PARTITION OF doma_panda.jobsarchived4 DEFAULT;
CREATE TABLE doma_panda.jobparamstable_default PARTITION OF doma_panda.jobparamstable DEFAULT;
CREATE TABLE doma_panda.metatable_default PARTITION OF doma_panda.metatable DEFAULT;
CREATE TABLE doma_panda.filestable4_default PARTITION OF doma_panda.filestable4 DEFAULT;
CREATE TABLE doma_panda.jobs_statuslog_default PARTITION OF doma_panda.jobs_statuslog DEFAULT;
CREATE TABLE doma_panda.jedi_job_retry_history_default PARTITION OF doma_panda.jedi_job_retry_history DEFAULT;
CREATE TABLE doma_panda.harvester_workers_default PARTITION OF doma_panda.harvester_workers DEFAULT;
CREATE TABLE doma_panda.harvester_rel_jobs_workers_default PARTITION OF doma_panda.harvester_rel_jobs_workers DEFAULT;
CREATE TABLE doma_panda.jedi_tasks_default PARTITION OF doma_panda.jedi_tasks DEFAULT;
CREATE TABLE doma_panda.jedi_taskparams_default PARTITION OF doma_panda.jedi_taskparams DEFAULT;
CREATE TABLE doma_pandameta.usercacheusage_default PARTITION OF doma_pandameta.usercacheusage DEFAULT;
