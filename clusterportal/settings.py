"""Every knob, in the order a reader asks. Values come from the environment; `./run` makes those that must be secret."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF

from clusterportal.env import Env, portal_from
from clusterportal.logging import configuration

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()

# --- who am I ---
DEBUG = env.flag("CLUSTERPORTAL_DEBUG", False)
DATA_DIR = Path(env.text("CLUSTERPORTAL_DATA", str(BASE_DIR / "var")))
ALLOWED_HOSTS = env.texts("CLUSTERPORTAL_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.texts("CLUSTERPORTAL_ORIGINS", [])
ROOT_URLCONF = "clusterportal.urls"
ASGI_APPLICATION = "clusterportal.asgi.application"
WSGI_APPLICATION = "clusterportal.wsgi.application"

# --- secrets (files made by ./run with mode 0600) ---
SECRET_KEY = env.secret("CLUSTERPORTAL_SECRET_KEY", DATA_DIR / "keys" / "django.key")
PORTAL_KEY_FILE = env.text("CLUSTERPORTAL_KEY_FILE", str(DATA_DIR / "keys" / "master.keys"))

# --- the portal's own numbers, one frozen value ---
PORTAL = portal_from(env)

# --- networks that may be searched for servers, besides private ones and loopback ---
PORTAL_SEARCH_NETWORKS = env.networks("CLUSTERPORTAL_SEARCH_NETWORKS")

# --- logs: to standard error, secrets blanked ---
LOGGING = configuration(env.text("CLUSTERPORTAL_LOG_LEVEL", "INFO"), env.text("CLUSTERPORTAL_LOG_FORMAT", "text"))

# --- apps ---
INSTALLED_APPS = [
    "accounts",
    "nodes",
    "replication",
    "clusterportal.apps.LastResortConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "js_lib_bootstrap5",
    "lucide",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "clusterportal.apps.PortalConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "clusterportal.headers.PortalHeaders",
    "clusterportal.visible.NothingUnseen",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.LoginFirst",
    "accounts.middleware.PasswordChangeFirst",
    "accounts.middleware.SecondFactorFirst",
    "accounts.middleware.PossibleAddresses",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.SessionLimits",
    "clusterportal.errors.ProblemPages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "nodes.registry.sidebar.sidebar",
                "replication.console.views.context.console",
            ],
            # not among the apps: it imports much, also PostgreSQL's driver, which only pages with a table need
            "libraries": {"django_tables2": "django_tables2.templatetags.django_tables2"},
        },
    }
]
DJANGO_TABLES2_TEMPLATE = "components/table.html"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- database: SQLite in WAL as embedded default, PostgreSQL by DATABASE_URL ---
DATABASES = {"default": env.database(DATA_DIR / "portal.sqlite3")}

# --- accounts ---
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.PortalUsers",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"change_password": "accounts.forms.NewPasswordForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_SESSION_REMEMBER = False  # the cookie ends with the browser, the session after SESSION_COOKIE_AGE at the latest
# per web process: log-ins that are looked at; wrong passwords: accounts.guessing, wrong codes: accounts.codes
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "30/m/ip,10/300s/key"}
MFA_ADAPTER = "clusterportal.second_factor.SealedSecondFactor"
MFA_FORMS = {
    "activate_totp": "accounts.codes.FirstCodeForm",
    "authenticate": "accounts.codes.LoginCodeForm",
    "reauthenticate": "accounts.codes.ConfirmCodeForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "clusterportal"
MFA_TOTP_TOLERANCE = 1  # clocks of telephones
MFA_RECOVERY_CODES_SHOW_ONCE = True
KNOWN_PASSWORDS = env.text("CLUSTERPORTAL_KNOWN_PASSWORDS", "")
AUTH_PASSWORD_VALIDATORS: list[dict[str, object]] = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.HardToGuess"},
]
if KNOWN_PASSWORDS:
    AUTH_PASSWORD_VALIDATORS.append(
        {"NAME": "accounts.passwords.NotKnownElsewhere", "OPTIONS": {"path": KNOWN_PASSWORDS}}
    )
KNOX_TOKEN_MODEL = "accounts.ApiToken"  # noqa: S105 - the name of a model
PORTAL_CLUSTER_ACCESS = (
    "nodes.clusters.access"  # who may do what on clusters; asked by accounts, which may not import it
)
REST_KNOX = {"TOKEN_PREFIX": "cpt_", "AUTH_HEADER_PREFIX": "Bearer", "TOKEN_LIMIT_PER_USER": None}
AXES_HANDLER = "accounts.guessing.LoginLimits"  # the limits stand there
AXES_LOCKOUT_CALLABLE = "accounts.guessing.locked_out"

# --- browsers ---
TLS = env.flag("CLUSTERPORTAL_TLS", False)  # reached by https, by its own certificate or a proxy's
SESSION_COOKIE_NAME = "__Host-session" if TLS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrf" if TLS else "csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = int(env.number("CLUSTERPORTAL_SESSION_HOURS", 12) * 3600)
PORTAL_IDLE = int(env.number("CLUSTERPORTAL_IDLE_MINUTES", 60) * 60)  # seconds without use that end a session
CSRF_FAILURE_VIEW = "clusterportal.errors.csrf_failure"
SECURE_HSTS_SECONDS = int(env.number("CLUSTERPORTAL_HSTS_DAYS", 365) * 86400) if TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("CLUSTERPORTAL_HSTS_SUBDOMAINS", True)
# clusterportal.W001 speaks for missing TLS; redirects are the proxy's, preload lists not ours to bind
SILENCED_SYSTEM_CHECKS = [f"security.{code}" for code in ("W004", "W005", "W008", "W012", "W016", "W021")]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "object-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's own icons and the QR code of a second factor
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- what a request may bring; clusterportal/front_door.py refuses more before it is kept ---
DATA_UPLOAD_MAX_MEMORY_SIZE = int(env.number("CLUSTERPORTAL_BODY_MIB", 2) * 1024 * 1024)

# --- API ---
# counts of requests, by user and by address, in the one web process; when full a third is forgotten
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 20_000}},
}
PORTAL_PAGE_SIZE = 50
PORTAL_MAX_PAGE_SIZE = 200
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerToken", "accounts.authentication.ConsoleSession"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["clusterportal.parsers.PortalJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "accounts.api.base.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        # wrong tokens from an address (accounts.throttling)
        "anon": env.text("CLUSTERPORTAL_API_RATE_ANONYMOUS", "60/min"),
        "user": env.text("CLUSTERPORTAL_API_RATE", "3000/min"),
    },
    "EXCEPTION_HANDLER": "clusterportal.problems.answer",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "clusterportal",
    "DESCRIPTION": (
        "Everything the console can do with clusters of mail servers, for programs. Authenticate with "
        "`Authorization: Bearer <token>`. Refusals are problem details (`application/problem+json`) with a stable "
        "`code`."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ClusteringEnum": "nodes.enums.Clustering",
        "RoleEnum": "accounts.models.Role",
        "NodeRoleEnum": "nodes.enums.NodeRole",
        "PathModeEnum": "nodes.enums.PathMode",
        "HostKeyStateEnum": "nodes.enums.HostKeyState",
        "JobStateEnum": "replication.jobs.models.JOB_STATES",
        "ScriptsStateEnum": "nodes.facts.selectors.scripts.STATE_CHOICES",
        "SearchStateEnum": "nodes.enums.SearchState",
        "StandingEnum": "nodes.checks.models.STANDINGS",
        "SetupStepStateEnum": "replication.clustering.core.guide.STEP_STATES",
        "TargetStateEnum": "replication.jobs.models.TARGET_STATES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "clusterportal.schema.describe_problems",
    ],
}

# --- time and language ---
TIME_ZONE = env.text("CLUSTERPORTAL_TIME_ZONE", "UTC")
USE_TZ = True
LANGUAGE_CODE = "en"

# --- static files ---
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "clusterportal.static_files.CollectedFiles"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# --- broker: JSON only; messages are hints, the database is the queue ---
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
