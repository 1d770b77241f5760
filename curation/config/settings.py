"""The one settings file, read from the environment.

Nothing set: embedded (SQLite in WAL mode, local files under ``var/``, a broker from a wheel). With ``WELLHOUSE_ENV=production``
all of SECRET_KEY, ALLOWED_HOSTS, PUBLIC_URL, DATABASE_URL and REDIS_URL are required: half a configuration refuses to start.
"""

import os
import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

import curation.config.celery  # noqa: F401 what rings (shared tasks) finds its broker through this application
from curation.config.schedule import CELERY_SETTINGS

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

ENVIRONMENT = env.str("WELLHOUSE_ENV", default="embedded")
PRODUCTION = ENVIRONMENT == "production"
if PRODUCTION:
    missing = [
        name
        for name in ("SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL")
        if not os.environ.get(name)
    ]
    if missing:
        raise ImproperlyConfigured(f"WELLHOUSE_ENV=production also needs: {', '.join(missing)}. See README.md.")

VAR = Path(env.str("WELLHOUSE_VAR", default=str(BASE_DIR / "var")))
VAR.mkdir(parents=True, exist_ok=True, mode=0o700)


def _embedded_secret() -> str:
    """A secret of this checkout's own, made once; production names its own."""
    path = VAR / "keys" / "secret"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return path.read_text()


SECRET_KEY = env.str("SECRET_KEY", default="") or _embedded_secret()
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# Networks (10.1.0.0/16, 127.0.0.1/32) that may be asked although they are not public: governance/kernel/fetching.py.
FETCH_ALLOWED_NETWORKS = env.list("FETCH_ALLOWED_NETWORKS", default=[])
# The component page and other aids for building are shown here only.
DEVELOPMENT = not PRODUCTION

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "governance",
    "annotations",
    "curation",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "curation.config.middleware.SecurityHeaders",
    "curation.config.middleware.Compression",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "curation.config.middleware.Refusals",
]

ROOT_URLCONF = "curation.config.urls"
WSGI_APPLICATION = "curation.config.wsgi.application"
ASGI_APPLICATION = "curation.config.asgi.application"
# The Hub's paths have no trailing slash, and no redirect may add one.
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "governance.web.context.frame",
            ],
        },
    }
]

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA recursive_triggers=ON;"
        "PRAGMA mmap_size=134217728;PRAGMA cache_size=-20000;"
    ),
}
WEB_THREADS = env.int("WEB_THREADS", default=8)
DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{VAR / 'wellhouse.sqlite3'}")
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    DATABASES["default"]["CONN_MAX_AGE"] = 600
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    if env.bool("DATABASE_POOL", default=True):
        DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": WEB_THREADS + 2}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False

REDIS_URL = env.str("REDIS_URL", default="")
# The embedded broker listens on a private socket that the supervisor makes.
BROKER_SOCKET = VAR / "broker" / "broker.sock"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or REDIS_URL or f"redis+socket://{BROKER_SOCKET}"
for _name, _value in CELERY_SETTINGS.items():
    globals()[f"CELERY_{_name.upper()}"] = _value

CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# Letters: smtp://user:password@host:587 (smtp+tls, smtp+ssl); nothing set: they are written to the console.
EMAIL_URL = env.str("EMAIL_URL", default="consolemail://")
vars().update(env.email_url_config(EMAIL_URL))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="Wellhouse <keepers@localhost>")
EMAIL_TIMEOUT = 20

AUTH_USER_MODEL = "governance.Person"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Only our own files: what a package brings (an API browser, five builds of htmx) no page loads.
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STATIC_ROOT = VAR / "static"
STORAGE_URL = env.str("STORAGE_URL", default="")
# Files by hash: media, imports, built versions. Never served by name, never as pages.
FILES_ROOT = Path(STORAGE_URL.removeprefix("file://")) if STORAGE_URL.startswith("file://") else VAR / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": FILES_ROOT}},
    "staticfiles": {"BACKEND": "curation.config.static.HashedStatic"},
}
WHITENOISE_USE_FINDERS = not PRODUCTION
KEYS_ROOT = VAR / "keys"
SIGNING_KEY_FILE = env.str("SIGNING_KEY_FILE", default=str(KEYS_ROOT / "signing.pem"))

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
# One import file, in bytes.
IMPORT_MAX_BYTES = env.int("IMPORT_MAX_BYTES", default=4 * 1024**3)

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "curation.config.problems.stale"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31536000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=PRODUCTION) else None
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# How many proxies stand in front: which address of X-Forwarded-For the throttle trusts.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=1 if PRODUCTION else 0)
# What a consent record says beside the answers: the profile (a draft id), who runs this, where it lies, under which law.
CONSENT_PROFILE = env.str("CONSENT_PROFILE", default="dpv-27560:record-2")
OPERATOR_NAME = env.str("OPERATOR_NAME", default="The operator of this Wellhouse")
STORAGE_LOCATION = env.str("STORAGE_LOCATION", default="With the operator named here")
JURISDICTION = env.str("JURISDICTION", default="")
# "nginx": bytes leave by X-Accel-Redirect from /files/; empty: the embedded server sends them.
ACCEL = env.str("ACCEL", default="")
DOWNLOADS_AT_ONCE = max(1, WEB_THREADS - 2)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "curation.config.paging.Pages",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "curation.config.problems.drf_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Wellhouse",
    "DESCRIPTION": "Consent, annotation, quality and delivery in one chain.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["drf_spectacular.hooks.preprocess_exclude_path_format"],
    "ENUM_NAME_OVERRIDES": {
        "RequestStatusEnum": "governance.models.requests.Request.Status",
        "VersionStatusEnum": "curation.models.versions.Version.Status",
        "OrganisationKindEnum": "governance.models.access.Party.Kind",
    },
}

SHARED = Path(env.str("WELLHOUSE_SHARED", default=str(BASE_DIR.parent / "shared")))
SUITES = Path(env.str("WELLHOUSE_SUITES", default=str(SHARED / "suites")))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "celery": {"level": "WARNING"}},
}
