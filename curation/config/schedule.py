"""Celery's settings and the static schedule. Imports nothing, so that beat need not load Django."""

CELERY_SETTINGS: dict[str, object] = {
    "task_ignore_result": True,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "worker_max_memory_per_child": 600_000,  # kilobytes; prefork only
    "worker_hijack_root_logger": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": {
        "visibility_timeout": 600,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "max_retries": 2,
        "interval_start": 0,
        "interval_step": 0.1,
    },
    "timezone": "UTC",
}

# By name: beat sends these without importing what does the work.
SCHEDULE: dict[str, dict[str, object]] = {
    "sweep": {"task": "wellhouse.sweep", "schedule": 15.0},
    "reap-leases": {"task": "wellhouse.reap_leases", "schedule": 20.0},
    "seal-log": {"task": "wellhouse.seal_log", "schedule": 10.0},
    "close-pulls": {"task": "wellhouse.close_pulls", "schedule": 60.0},
    "follow-withdrawals": {"task": "wellhouse.follow_withdrawals", "schedule": 60.0},
    "remove-archives": {"task": "wellhouse.remove_archives", "schedule": 3600.0},
    "close-votes": {"task": "wellhouse.close_votes", "schedule": 60.0},
}
